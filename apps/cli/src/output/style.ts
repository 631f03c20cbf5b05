import pc from "picocolors";
import type { Context } from "../context.js";
import type { ColorChoice } from "../options.js";

/** What lanes are drawn with. */
export interface Lines {
  readonly bar: string;
  readonly dot: string;
}

const ASCII: Lines = { bar: "|", dot: "*" };
const DRAWN: Lines = { bar: "│", dot: "●" };

/** Colours by what they mean, and lines: drawn on a terminal, ASCII elsewhere. */
export interface Style {
  readonly lines: Lines;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly unsure: (text: string) => string;
  readonly strong: (text: string) => string;
  readonly faint: (text: string) => string;
}

export function styleFor(
  choice: ColorChoice | undefined,
  { stdout, env }: Pick<Context, "stdout" | "env">,
): Style {
  const isWanted = (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb" && stdout.isTty;
  const { green, red, yellow, bold, dim } = pc.createColors(
    choice === "always" || (choice !== "never" && isWanted),
  );
  return {
    lines: stdout.isTty && env["TERM"] !== "dumb" ? DRAWN : ASCII,
    good: green,
    bad: red,
    unsure: yellow,
    strong: bold,
    faint: dim,
  };
}
