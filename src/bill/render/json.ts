import { formatDecimal } from "../../model/money.ts";
import {
  type AppliedRate,
  type Amounts,
  type LineCost,
  type Report,
  measuredEnergyMj,
  splitEnergyMj,
} from "../report-types.ts";
import { formatInstant } from "../instant.ts";

/**
 * A report as JSON with stable keys: amounts of money are decimal strings of nine places, times are
 * ISO 8601 in UTC, and what was not measured or has no price is absent.
 */
export function renderReportJson(report: Report): string {
  const { reconciliation: books } = report;
  const document = {
    format: "gpu-assay/report/1",
    simulated: report.simulated,
    window: span(report.window),
    generatedAt: formatInstant(report.generatedAtMs),
    nodes: report.nodes,
    currency: report.currency,
    priceList: report.priceList,
    groupBy: report.groupBy,
    coverage: report.coverage,
    totals: { ...amounts(report.totals), observedMs: report.totals.observedMs },
    lines: report.lines.map((line) => ({
      charge: line.charge,
      ...line.group,
      ...amounts(line),
      simulated: line.simulated,
    })),
    gpus: report.gpus.map((gpu) => ({ ...gpu, ...span(gpu), fromMs: undefined, toMs: undefined })),
    rates: report.rates.map(rate),
    energyUnpricedMj: report.energyUnpricedMj,
    unobserved: report.unobserved.map((stretch) => ({
      ...span(stretch),
      node: stretch.node,
      gpu: stretch.gpuUuid,
      unobservedMs: stretch.unobservedMs,
      hole: stretch.hole,
      reasons: stretch.reasons,
    })),
    gaps: report.gaps.map((gap) => ({
      ...span(gap),
      node: gap.node,
      gpu: gap.gpuUuid,
      source: gap.source,
      reason: gap.reason,
    })),
    reconciliation: {
      ...books,
      linesNanos: undefined,
      totalNanos: undefined,
      linesCost: decimal(books.linesNanos),
      totalCost: decimal(books.totalNanos),
    },
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function amounts(of: Amounts): Record<string, unknown> {
  const { gpuMs, energyUnmeasuredMs, energyUnsplitMs } = of;
  const split = splitEnergyMj(of);
  return {
    gpuMs,
    energyMj: measuredEnergyMj(of),
    energyUnmeasuredMs,
    idleEnergyMj: split?.idleMj,
    dynamicEnergyMj: split?.dynamicMj,
    energyUnsplitMs,
    ...costs(of.cost),
  };
}

function costs(cost: LineCost | undefined): Record<string, string | undefined> {
  return {
    timeCost: decimal(cost?.timeNanos),
    energyCost: decimal(cost?.energyNanos),
    cost: decimal(cost?.totalNanos),
  };
}

function rate(of: AppliedRate): Record<string, unknown> {
  const { what, model, gpuMs, energyMj } = of;
  return { what, model, price: decimal(of.nanos), ...span(of), gpuMs, energyMj };
}

function decimal(nanos: bigint | undefined): string | undefined {
  return nanos === undefined ? undefined : formatDecimal(nanos, 9);
}

function span({ fromMs, toMs }: { fromMs: number; toMs: number }): { from: string; to: string } {
  return { from: formatInstant(fromMs), to: formatInstant(toMs) };
}
