import { z } from "zod";
import { LABELS } from "../model/label.ts";
import { bounded } from "./bounded.ts";

/*
 * What was done with the ledger, or said about it. An act is a record like any other: it is chained,
 * never edited, and a later one may point at it. Several acts of one `id` are states of one thing, the
 * newest counts: a dispute that was opened and then decided, say.
 */
const MAX_NAME = 256;
const MAX_PROSE = 4096;

const name = z.string().transform((value) => bounded(value, MAX_NAME));
const prose = z.string().transform((value) => bounded(value, MAX_PROSE));
const timeMs = z.int();
const digest = z.string().regex(/^[0-9a-f]{64}$/);

const head = {
  id: z.string().min(1).max(MAX_NAME),
  atMs: timeMs,
  /** Who did it, as the system says or, where that is `agent`, the program itself. */
  by: name,
  reason: prose,
};

/**
 * Slices were labelled wrongly, or belong to somebody else. All slices that lie wholly inside the
 * window, of that device and, where named, that owner, count as corrected from now on; what they said
 * stays in the ledger.
 */
const correction = z.strictObject({
  kind: z.literal("correction"),
  ...head,
  gpuUuid: name,
  fromMs: timeMs,
  toMs: timeMs,
  /** Only slices of this owner, as they were written; all of them where absent. */
  ownerKey: prose.optional(),
  label: z.enum(LABELS).optional(),
  newOwnerKey: prose.optional(),
  /** The dispute that it settles. */
  dispute: name.optional(),
});

const dispute = z.strictObject({
  kind: z.literal("dispute"),
  ...head,
  ownerKey: prose,
  fromMs: timeMs,
  toMs: timeMs,
  gpuUuid: name.optional(),
  state: z.enum(["open", "upheld", "rejected", "withdrawn"]),
  /** The issued report that it is about. */
  report: name.optional(),
});

/** A report as it was given out: whole, with the price list and the head of the chain it rests on. */
const issuedReport = z.strictObject({
  kind: z.literal("report"),
  ...head,
  fromMs: timeMs,
  toMs: timeMs,
  /** JSON of the report, as `assay report --format json` prints it. */
  document: z.string().max(32 * 1024 ** 2),
  documentDigest: digest,
  /** What it was asked for: groups, owner, format. */
  request: z.record(z.string(), z.json()),
  /** The price list's own text; absent for a report without prices. */
  prices: z
    .string()
    .max(1024 ** 2)
    .optional(),
  /** The newest entry of the chain when it was made. */
  chainSequence: z.int().min(0),
  chainHash: digest.optional(),
  /** The report that this one replaces. */
  replaces: name.optional(),
});

/**
 * What is to be erased. It is handed over and never stored: it names whom it is about.
 * `owner`: the owner's name and what was kept of his processes, wherever it stands; with `beforeMs`
 * only in records older than that. `commands`: command lines, titles, paths, arguments of runs, and
 * what processes said of themselves, in older records. `contexts`: older run contexts altogether.
 * `names`: one person without GPU time since then, of whom it does not matter which; `except` stay.
 */
const erasureSelect = z.discriminatedUnion("of", [
  z.strictObject({ of: z.literal("owner"), ownerKey: prose, beforeMs: timeMs.optional() }),
  z.strictObject({ of: z.literal("commands"), beforeMs: timeMs }),
  z.strictObject({ of: z.literal("contexts"), beforeMs: timeMs }),
  z.strictObject({
    of: z.literal("names"),
    beforeMs: timeMs,
    except: z.array(z.string()).max(1000),
  }),
]);

/** Values were taken away; what stands in their place is named by digest. */
const erasure = z.strictObject({
  kind: z.literal("erasure"),
  ...head,
  /** Only on its way into the ledger, which finds the rows and writes them to `erased`. */
  select: erasureSelect.optional(),
  /** Rows by table, and the SHA-256 of the text that they hold now. */
  erased: z.array(z.strictObject({ table: name, row: z.int(), digest })).max(100_000),
});

/** Older records were removed: what is left of them, and where the chain goes on. */
const checkpoint = z.strictObject({
  kind: z.literal("checkpoint"),
  ...head,
  /** The last entry of the chain that was removed, and its hash. */
  chainSequence: z.int().min(0),
  chainHash: digest,
  /** Slices that end at it or before are gone; their sums are kept. */
  beforeMs: timeMs,
  /** Digest of the sums of all time before `beforeMs` (keep/sums-digest.ts). */
  sumsDigest: digest,
  /** Digest of what was kept of the removed part: `sumsDigest`, and records still needed. */
  keptDigest: digest,
  removed: z.record(z.string(), z.int()),
});

/** A device was taken out of the node for good: from then on its time is nobody's, and costs nothing. */
const retirement = z.strictObject({
  kind: z.literal("retirement"),
  ...head,
  gpuUuid: name,
  fromMs: timeMs,
});

export const actSchema = z.discriminatedUnion("kind", [
  correction,
  dispute,
  issuedReport,
  erasure,
  checkpoint,
  retirement,
]);

export type Act = z.infer<typeof actSchema>;
export type ErasureSelect = z.infer<typeof erasureSelect>;
export type ActKind = Act["kind"];
export type ActOf<K extends ActKind> = Extract<Act, { kind: K }>;
