import { writePerfData } from "@kvmm/traces";
import { nameOf, readBytes } from "../input/read-bytes.js";
import { writeWhole } from "../output/write-file.js";
import { readDump } from "../spe/read-dump.js";
import { readRecords } from "../spe/read-records.js";
import { UsageError } from "../usage-error.js";
import { type AddCommand, examples } from "./command.js";

interface EncodeOptions {
  readonly output: string;
  readonly raw?: boolean;
}

export const addEncode: AddCommand = (spe, context, end) => {
  spe
    .command("encode")
    .summary("a raw dump, or records as JSON or CSV, back into data")
    .description(
      "Makes data of the text that perf report --dump-raw-trace and kvmm spe decode print, such as a mail may quote, or of the records that kvmm spe decode --json and --csv print: a perf.data that perf reads, or with --raw nothing but the packets. Of JSON it is the same data, and what the driver said of it; where a record's hex is deleted, the record is made of the other values. A dump has every packet, but not what the driver said. Records of CSV have what the columns show, at the same offsets: no address tags, not Secure, no previous branch targets.",
    )
    .argument("<file>", "what was printed; - for standard input")
    .requiredOption("-o, --output <file>", "where to write to")
    .option("--raw", "nothing but the packets, of one buffer")
    .addHelpText(
      "after",
      examples(
        ["kvmm spe encode mail.txt -o perf.data", "what a mail quotes, for perf report and perf script"],
        ["kvmm spe decode aux.bin | kvmm spe encode - --raw -o same.bin", "there and back"],
        ["kvmm spe encode records.csv -o perf.data", "records that a spreadsheet has filtered"],
      ),
    )
    .action(async (file: string, { output, raw }: EncodeOptions) => {
      const name = nameOf(file);
      const text = new TextDecoder().decode(await readBytes(file, context));
      const { buffers, notes } = readRecords(text, name) ?? readDump(text, name);
      const [first, ...others] = buffers;
      if (raw === true && others.length > 0)
        throw new UsageError(`${name} has ${buffers.length} buffers; --raw is for one`);
      await writeWhole(
        output,
        raw === true ? first!.bytes : writePerfData({ aux: buffers, ...(notes && { notes }) }),
      );
      const bytes = buffers.reduce((sum, buffer) => sum + buffer.bytes.length, 0);
      context.stdout.write(`${output}: ${bytes} bytes of SPE data in ${buffers.length} buffers\n`);
      end(0);
    });
};
