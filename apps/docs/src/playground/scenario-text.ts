import type { Scenario, Step } from "@kvmm/scenario";

/** A scenario as YAML, one step a line, as a person would write it. */
export function scenarioText(scenario: Scenario): string {
  const { title, machine, patches, steps, concurrently, expect } = scenario;
  const lines: string[] = [];
  if (title !== undefined) lines.push(`title: ${value(title)}`);
  if (Object.keys(machine).length > 0) lines.push(`machine: ${value(machine)}`);
  if (patches !== undefined) lines.push(`patches: ${value(patches)}`);
  lines.push(
    ...(steps.length === 0 ? ["steps: []"] : ["steps:", ...steps.map((step) => `  - ${stepText(step)}`)]),
  );
  if (concurrently !== undefined) {
    lines.push("concurrently:");
    for (const [thread, own] of Object.entries(concurrently))
      lines.push(`  ${thread}:`, ...own.map((step) => `    - ${stepText(step)}`));
  }
  if (expect !== undefined)
    lines.push("expect:", ...expect.map((expectation) => `  - ${value(expectation)}`));
  return `${lines.join("\n")}\n`;
}

function stepText({ call, args, as, task, joined }: Step): string {
  return value({
    call,
    ...(args === undefined ? {} : { args }),
    ...(as === undefined ? {} : { as }),
    ...(task === undefined ? {} : { task }),
    ...(joined === undefined ? {} : { joined }),
  });
}

/** In YAML's flow style. */
function value(of: unknown): string {
  if (Array.isArray(of)) return `[${of.map(value).join(", ")}]`;
  if (typeof of === "object" && of !== null) {
    const fields = Object.entries(of).filter(([, field]) => field !== undefined);
    return fields.length === 0
      ? "{}"
      : `{ ${fields.map(([name, field]) => `${name}: ${value(field)}`).join(", ")} }`;
  }
  if (typeof of === "number" && of >= 0x1_0000) return `0x${of.toString(16)}`;
  if (typeof of !== "string") return String(of);
  return isPlain(of) ? of : JSON.stringify(of);
}

/** Is it read back as the same string without quotes? What looks like a number is one in YAML, and as good here. */
function isPlain(text: string): boolean {
  if (/^(true|false|yes|no|on|off|null|y|n|~|\.inf|\.nan)$/i.test(text)) return false;
  if (/^[-+]?[\d.]/.test(text)) return /^(0x[\da-fA-F]+|\d+[pKMG])$/.test(text);
  return /^[A-Za-z_/][\w +/.'()-]*$/.test(text) && !text.endsWith(" ");
}
