import { autocompletion, closeBrackets, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, linter, lintGutter, lintKeymap } from "@codemirror/lint";
import { EditorState, Prec } from "@codemirror/state";
import { EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { completeScenario } from "./completion.js";
import { colours } from "./editor-colours.js";
import type { Problem } from "./messages.js";

export interface EditorEvents {
  readonly changed: (text: string) => void;
  /** Control-Enter. */
  readonly run: () => void;
  readonly check: (text: string) => Promise<Problem | undefined>;
}

/** The editor of scenarios: YAML, completion from the vocabulary, mistakes in place. */
export function createEditor(parent: HTMLElement, doc: string, events: EditorEvents): EditorView {
  const runKey = {
    key: "Mod-Enter",
    run: () => {
      events.run();
      return true;
    },
  };
  const check = linter(async (view) => {
    const problem = await events.check(view.state.doc.toString());
    return problem === undefined ? [] : [diagnosticOf(problem, view.state)];
  });
  return new EditorView({
    parent,
    state: EditorState.create({
      doc,
      extensions: [
        Prec.highest(keymap.of([runKey])),
        lineNumbers(),
        lintGutter(),
        history(),
        bracketMatching(),
        closeBrackets(),
        highlightActiveLine(),
        autocompletion({ override: [completeScenario] }),
        // Tab moves on, so that nobody is caught here who has only a keyboard.
        keymap.of([...completionKeymap, ...lintKeymap, ...historyKeymap, ...defaultKeymap]),
        yaml(),
        syntaxHighlighting(colours),
        check,
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({
          "aria-label": "Scenario",
          spellcheck: "false",
          autocapitalize: "off",
        }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) events.changed(update.state.doc.toString());
        }),
      ],
    }),
  });
}

function diagnosticOf({ text, line, column }: Problem, state: EditorState): Diagnostic {
  const at = state.doc.line(Math.min(Math.max(line ?? 1, 1), state.doc.lines));
  const from = Math.min(at.from + Math.max((column ?? 1) - 1, 0), at.to);
  const word = /^[\w./+-]+/.exec(state.sliceDoc(from, at.to))?.[0].length ?? 0;
  return { from, to: word > 0 ? from + word : at.to, severity: "error", message: text };
}
