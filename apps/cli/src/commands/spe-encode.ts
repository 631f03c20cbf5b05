import { writeFile } from "node:fs/promises";
import { writePerfData } from "@kvmm/traces";
import { isSystemError, nameOf, readBytes } from "../input/read-bytes.js";
import { readDump } from "../spe/read-dump.js";
import { UsageError } from "../usage-error.js";
import { type AddCommand, examples } from "./command.js";

interface EncodeOptions {
  readonly output: string;
  readonly raw?: boolean;
}

export const addEncode: AddCommand = (spe, context, end) => {
  spe
    .command("encode")
    .summary("a raw dump back into data")
    .description(
      "Makes data of the text that perf report --dump-raw-trace and kvmm spe decode print, such as a mail may quote: a perf.data that perf reads, or with --raw nothing but the packets.",
    )
    .argument("<file>", "the dump; - for standard input")
    .requiredOption("-o, --output <file>", "where to write to")
    .option("--raw", "nothing but the packets, of one buffer")
    .addHelpText(
      "after",
      examples(
        ["kvmm spe encode mail.txt -o perf.data", "what a mail quotes, for perf report and perf script"],
        ["kvmm spe decode aux.bin | kvmm spe encode - --raw -o same.bin", "there and back"],
      ),
    )
    .action(async (file: string, { output, raw }: EncodeOptions) => {
      const name = nameOf(file);
      const buffers = readDump(new TextDecoder().decode(await readBytes(file, context)), name);
      const [first, ...others] = buffers;
      if (raw === true && others.length > 0)
        throw new UsageError(`${name} has ${buffers.length} buffers; --raw is for one`);
      const aux = buffers.map(({ cpu, auxOffset, bytes }) => ({
        cpu: Math.max(0, cpu),
        tid: -1,
        auxOffset,
        bytes,
      }));
      await write(output, raw === true ? first!.bytes : writePerfData({ aux }));
      const bytes = buffers.reduce((sum, buffer) => sum + buffer.bytes.length, 0);
      context.stdout.write(`${output}: ${bytes} bytes of SPE data in ${buffers.length} buffers\n`);
      end(0);
    });
};

async function write(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeFile(path, bytes);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new UsageError(`${path} cannot be written: ${error.code}`);
  }
}
