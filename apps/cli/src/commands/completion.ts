import { ShellCompDirective, script } from "@bomb.sh/tab";
import { Argument } from "commander";
import { candidates } from "../completion/candidates.js";
import { type AddCommand, examples } from "./command.js";

const shells = ["bash", "zsh", "fish", "powershell"] as const;

export const addCompletion: AddCommand = (program, context, end) => {
  program
    .command("completion")
    .addArgument(new Argument("<shell>", "the shell that is to complete").choices(shells))
    .summary("completion for a shell")
    .description(
      "Prints what makes a shell complete the commands, options, patches, kernels and scenarios of kvmm.",
    )
    .addHelpText(
      "after",
      examples(
        [
          "source <(kvmm completion bash)",
          "in this shell, which has bash-completion; to keep it, in ~/.bashrc",
        ],
        ["kvmm completion fish > ~/.config/fish/completions/kvmm.fish", "for fish, for good"],
      ),
    )
    .action((shell: (typeof shells)[number]) => {
      script(shell, "kvmm", "kvmm");
      end(0);
    });
  // What the shell's script calls at each Tab: candidates, and last whether files are among them.
  program
    .command("complete [words...]", { hidden: true })
    .allowUnknownOption()
    .action((words: readonly string[]) => {
      const { words: found, files } = candidates(program, words, context.model);
      const lines = found.map(({ word, about }) => `${word}\t${about}\n`);
      const directive = files
        ? ShellCompDirective.ShellCompDirectiveDefault
        : ShellCompDirective.ShellCompDirectiveNoFileComp;
      context.stdout.write(`${lines.join("")}:${directive}\n`);
      end(0);
    });
};
