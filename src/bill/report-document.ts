import { z } from "zod";
import { parseNanos } from "../model/money.ts";
import { AssayError } from "../model/errors.ts";
import { parseInstant } from "./instant.ts";
import {
  CHARGES,
  GROUP_KEYS,
  type Amounts,
  type GroupKey,
  type LineCost,
  type Report,
} from "./report-types.ts";

const instant = z.string().transform((text, context) => {
  const atMs = parseInstant(text);
  if (atMs !== undefined) return atMs;
  context.addIssue({ code: "custom", message: "is no time" });
  return z.NEVER;
});

const nanos = z.string().transform((text, context) => {
  const isNegative = text.startsWith("-");
  const amount = parseNanos(isNegative ? text.slice(1) : text);
  if (amount !== undefined) return isNegative ? -amount : amount;
  context.addIssue({ code: "custom", message: "is no amount" });
  return z.NEVER;
});

const span = { from: instant, to: instant };
const amount = z.int().min(0);

const amountsShape = {
  gpuMs: amount,
  energyMj: amount.optional(),
  energyUnmeasuredMs: amount,
  idleEnergyMj: amount.optional(),
  dynamicEnergyMj: amount.optional(),
  energyUnsplitMs: amount,
  confidenceMs: amount.optional(),
  carbonMilligrams: amount.optional(),
  timeCost: nanos.optional(),
  energyCost: nanos.optional(),
  cost: nanos.optional(),
  listCost: nanos.optional(),
  contractedCost: nanos.optional(),
  allocated: z.object({ shared: nanos, overhead: nanos, given: nanos, total: nanos }).optional(),
};

const line = z.object({
  charge: z.enum(CHARGES),
  ...amountsShape,
  simulated: z.boolean(),
});

const groupValues = z.partialRecord(z.enum(GROUP_KEYS), z.string());

const gpu = z.object({
  uuid: z.string(),
  model: z.string(),
  node: z.string(),
  index: z.int(),
  simulated: z.boolean(),
  ...span,
});

const rate = z.object({
  what: z.enum(["gpu-hour", "kWh"]),
  model: z.string().optional(),
  price: nanos,
  listPrice: nanos.optional(),
  commitment: z.string().optional(),
  tariff: z.string().optional(),
  converted: z.string().optional(),
  ...span,
  gpuMs: amount,
  energyMj: amount,
});

const overhead = z.object({
  name: z.string(),
  perGpuHour: nanos.optional(),
  pue: nanos.optional(),
  converted: z.string().optional(),
  ...span,
  gpuMs: amount,
  energyMj: amount,
});

const stretch = z.object({
  ...span,
  node: z.string(),
  gpu: z.string(),
  unobservedMs: amount,
  hole: z.boolean(),
  reasons: z.array(z.string()),
});

const gap = z.object({
  ...span,
  node: z.string(),
  gpu: z.string().optional(),
  source: z.string(),
  reason: z.string(),
});

const reconciliation = z.object({
  windowGpuMs: z.int(),
  observedMs: z.int(),
  recordedUnobservedMs: z.int(),
  unrecordedMs: z.int(),
  linesGpuMs: z.int(),
  stretchesMs: z.int(),
  linesEnergyMj: z.int(),
  sourceEnergyMj: z.int(),
  linesCost: nanos.optional(),
  totalCost: nanos.optional(),
  linesAllocated: nanos.optional(),
  allocated: nanos.optional(),
  equation: z.string(),
  ok: z.literal(true),
});

const document = z.object({
  format: z.literal("gpu-assay/report/1"),
  simulated: z.boolean(),
  window: z.object(span),
  generatedAt: instant,
  nodes: z.array(z.string()),
  currency: z.string().optional(),
  priceList: z.string().optional(),
  groupBy: z.array(z.enum(GROUP_KEYS)),
  coverage: z.number().optional(),
  totals: z.object({ ...amountsShape, observedMs: amount }),
  lines: z.array(z.looseObject(line.shape)),
  gpus: z.array(gpu),
  rates: z.array(rate),
  overhead: z.array(overhead).optional(),
  energyUnpricedMj: amount,
  carbonUncoveredMj: amount.optional(),
  allocation: z.array(z.string()).optional(),
  unobserved: z.array(stretch),
  gaps: z.array(gap),
  reconciliation,
});

type Document = z.infer<typeof document>;

/**
 * A report from the JSON that `renderReportJson` made of it: rendered again, in that format or any
 * other, it is what it was.
 * @throws AssayError report/format for what is no such document
 */
export function reportFromJson(text: string): Report {
  const parsed = document.safeParse(parsedJson(text));
  if (!parsed.success)
    throw new AssayError("report/format", "the document is no report that can be read", {
      hint: z.prettifyError(parsed.error).split("\n").slice(0, 2).join(" ").trim(),
    });
  return toReport(parsed.data);
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function toReport(from: Document): Report {
  const { reconciliation: books } = from;
  const { linesCost, totalCost, linesAllocated, allocated, ...counts } = books;
  return {
    window: windowOf(from.window),
    generatedAtMs: from.generatedAt,
    simulated: from.simulated,
    nodes: from.nodes,
    groupBy: from.groupBy,
    currency: from.currency,
    priceList: from.priceList,
    gpus: from.gpus.map(({ from: start, to: end, ...each }) => ({
      ...each,
      ...windowOf({ from: start, to: end }),
    })),
    lines: from.lines.map((each) => lineOf(each, from.groupBy)),
    totals: { ...amountsOf(from.totals), observedMs: from.totals.observedMs },
    coverage: from.coverage,
    rates: from.rates.map(({ from: start, to: end, price, listPrice, ...each }) => ({
      ...each,
      ...windowOf({ from: start, to: end }),
      nanos: price,
      listNanos: listPrice,
    })),
    overhead: from.overhead?.map(({ from: start, to: end, perGpuHour, pue, ...each }) => ({
      ...each,
      ...windowOf({ from: start, to: end }),
      gpuHourNanos: perGpuHour,
      pueNanos: pue,
    })),
    energyUnpricedMj: from.energyUnpricedMj,
    carbonUncoveredMj: from.carbonUncoveredMj,
    allocation: from.allocation,
    unobserved: from.unobserved.map(({ from: start, to: end, gpu: gpuUuid, ...each }) => ({
      ...each,
      ...windowOf({ from: start, to: end }),
      gpuUuid,
    })),
    gaps: from.gaps.map(({ from: start, to: end, gpu: gpuUuid, ...each }) => ({
      ...each,
      ...windowOf({ from: start, to: end }),
      gpuUuid,
    })),
    reconciliation: {
      ...counts,
      linesNanos: linesCost,
      totalNanos: totalCost,
      linesAllocatedNanos: linesAllocated,
      allocatedNanos: allocated,
    },
  };
}

function windowOf({ from, to }: { from: number; to: number }): { fromMs: number; toMs: number } {
  return { fromMs: from, toMs: to };
}

/** A group's values stand beside the amounts: their names are those of `groupBy`. */
function lineOf(from: Document["lines"][number], groupBy: readonly GroupKey[]) {
  const { charge, simulated } = from;
  const values = groupValues.parse(Object.fromEntries(groupBy.map((key) => [key, from[key]])));
  const key = JSON.stringify([charge, ...groupBy.map((each) => values[each])]);
  return { key, charge, group: values, ...amountsOf(from), simulated };
}

type DocumentAmounts = z.infer<z.ZodObject<typeof amountsShape>>;

/** What was not measured is absent from the document, and nothing in a sum. */
function amountsOf(from: DocumentAmounts): Amounts {
  const { gpuMs, energyMj, energyUnmeasuredMs, energyUnsplitMs } = from;
  const { idleEnergyMj, dynamicEnergyMj, confidenceMs, carbonMilligrams } = from;
  return {
    gpuMs,
    energyMj: energyMj ?? 0,
    energyUnmeasuredMs,
    idleEnergyMj: idleEnergyMj ?? 0,
    dynamicEnergyMj: dynamicEnergyMj ?? 0,
    energyUnsplitMs,
    confidenceMs,
    carbonMilligrams,
    cost: costOf(from),
  };
}

function costOf(from: DocumentAmounts): LineCost | undefined {
  const { cost, timeCost = 0n, energyCost = 0n, listCost, contractedCost, allocated } = from;
  if (cost === undefined) return undefined;
  return {
    timeNanos: timeCost,
    energyNanos: energyCost,
    totalNanos: cost,
    listNanos: listCost,
    contractedNanos: contractedCost,
    allocated: allocated && {
      sharedNanos: allocated.shared,
      overheadNanos: allocated.overhead,
      givenNanos: allocated.given,
      totalNanos: allocated.total,
    },
  };
}
