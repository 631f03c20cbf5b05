import { z } from "zod";
import type { ArgumentValue } from "./argument.js";
import { architectures, pageSizes } from "./machine.js";
import { namePattern } from "./names.js";
import { accesses, fates, faultKinds, notifierEvents } from "./observation.js";
import { type PageList, pageListProblem } from "./page-list.js";

/**
 * The shape of scenarios and recordings. Which calls, arguments and names are good is not said here:
 * see `read/check-steps.ts`.
 */

/** A step as it is written, before its call is looked up. */
export interface WrittenStep {
  call: string;
  args?: Record<string, ArgumentValue> | undefined;
  as?: string | undefined;
  task?: string | undefined;
  joined?: boolean | undefined;
}

const name = z
  .string()
  .regex(namePattern, "a name is letters, digits and _, and does not begin with a digit");
const integer = z.number().int();
const natural = integer.min(0);
const expression = z.union([z.number(), z.bigint(), z.string()]);
const word = z.union([z.number(), z.string()]);

const pages = z
  .array(
    z.union(
      [z.tuple([natural, natural]), z.tuple([natural, natural, natural])],
      "a range of pages is [first, end] or [first, end, step]",
    ),
  )
  .superRefine((list, context) => {
    const problem = pageListProblem(list);
    if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
  }) as unknown as z.ZodType<PageList>;

const argument = z.union(
  [z.number(), z.bigint(), z.string(), z.boolean(), z.array(expression)],
  "an argument is a number, a string, true or false, or a list of numbers and strings",
);

export const stepSchema = z.strictObject({
  call: z.string(),
  args: z.record(z.string(), argument).optional(),
  as: name.optional(),
  task: name.optional(),
  joined: z.boolean().optional(),
});

const feature = (does: string) => z.boolean().describe(does).optional();

export const machineSchema = z.strictObject({
  kernel: z.string().min(1).optional(),
  config: z.string().min(1).optional(),
  arch: z.enum(architectures).optional(),
  nodes: integer.min(1).max(64).optional(),
  page_size: z.literal(pageSizes).optional(),
  patches: z.array(z.string().min(1)).optional(),
  vm_type: natural.optional(),
  cpu: z
    .strictObject({
      vhe: feature(
        "The host kernel runs at EL2. Nothing that is observed depends on it: only who invalidates TLBs differs.",
      ),
      hafdbs: feature(
        "FEAT_HAFDBS: the hardware sets the access flag. Without it, the guest takes an access_flag fault on what was aged. KVM does not use its dirty state at stage 2.",
      ),
      fwb: feature(
        "FEAT_S2FWB: stage 2 forces write-back caching. Without it KVM cleans the data cache of what it maps and unmaps, and invalidates the TLB leaf by leaf.",
      ),
      dic: feature(
        "CTR_EL0.DIC: instruction caches are coherent. Memory is mapped executable at once, and no exec fault follows.",
      ),
      tlb_range: feature(
        "FEAT_TLBIRANGE: ranges of TLB entries are invalidated at once. Without it, leaf by leaf, or everything of the VM.",
      ),
      xnx: feature("FEAT_XNX: execute permission of EL1 and EL0 apart. KVM gives both or none to a guest."),
      lpa2: feature("FEAT_LPA2: 52-bit addresses. Without it, VM types beyond 48 are refused."),
    })
    .optional(),
  eager_split_chunk_size: natural
    .describe(
      "KVM_CAP_ARM_EAGER_SPLIT_CHUNK_SIZE of `vm`, in bytes: blocks are split as dirty logging begins, not by the faults that need it.",
    )
    .optional(),
});

const slotPages = z.strictObject({ slot: natural, pages });
const expectation = z
  .strictObject({ mapped: slotPages.optional(), unmapped: slotPages.optional() })
  .refine((e) => Object.keys(e).length === 1, "an expectation is one of mapped, unmapped");

export const scenarioSchema = z.strictObject({
  title: z.string().optional(),
  machine: machineSchema.optional(),
  patches: z.array(z.string().min(1)).optional(),
  steps: z.array(stepSchema),
  concurrently: z.record(z.string().regex(namePattern), z.array(stepSchema).min(1)).optional(),
  expect: z.array(expectation).optional(),
});

export const observationSchema = z.strictObject({
  ret: integer.optional(),
  errno: z.string().optional(),
  notifiers: z
    .array(
      z.strictObject({
        event: z.enum(notifierEvents),
        addr: word,
        pages,
        site: z.string(),
        by: z.array(z.string()).optional(),
        count: natural.optional(),
        maybe: z.boolean().optional(),
      }),
    )
    .optional(),
  faults: z
    .array(
      z.strictObject({ pages, access: z.enum(accesses), kind: z.enum(faultKinds), gpa: word.optional() }),
    )
    .optional(),
  exits: z
    .array(
      z.strictObject({
        pages,
        errno: z.string().optional(),
        exit: z.string().optional(),
        signal: z.string().optional(),
        code: z.string().optional(),
        exception: word.optional(),
        gpa: word.optional(),
      }),
    )
    .optional(),
  signals: z.array(z.strictObject({ pages, signal: z.string(), code: z.string().optional() })).optional(),
  waits: pages.optional(),
  value: word.optional(),
  frames: z.array(z.strictObject({ pages, is: z.enum(fates) })).optional(),
  bitmap: pages.optional(),
  bitmap_pages: natural.optional(),
  bitmap_total: natural.optional(),
  status: z.array(integer.nullable()).optional(),
  mode: word.optional(),
  mode_flags: z.array(word).optional(),
  nodemask: z.array(natural).optional(),
  pages_shared: natural.optional(),
  pages_sharing: natural.optional(),
  resident: pages.optional(),
  idle: pages.optional(),
  stat: z.record(z.string(), word).optional(),
  f_type: word.optional(),
  target: z.string().optional(),
  flags: word.optional(),
  stage2: z.array(z.tuple([word, word, integer.min(-1).max(3), z.string()])).optional(),
  stage2_levels: natural.optional(),
  ipa_range: natural.optional(),
  spe: z
    .strictObject({
      operations: natural.optional(),
      written: natural.optional(),
      read: natural.optional(),
      lost: natural.optional(),
      not_sampled: natural.optional(),
      blackout_operations: natural.optional(),
      faults: natural.optional(),
      fault_kinds: z.record(z.string(), natural).optional(),
      window_faults: natural.optional(),
      vcpu_faults: natural.optional(),
    })
    .optional(),
  any: z.boolean().optional(),
  unknown: z.array(z.string()).optional(),
});

export const recordingSchema = z.strictObject({
  id: z.string().min(1),
  machine: machineSchema,
  steps: z.array(stepSchema),
  observed: z.array(observationSchema),
  traced: z.boolean().optional(),
  note: z.string().optional(),
});
