import { formatDecimal } from "../../model/money.ts";
import {
  type AppliedOverhead,
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
    overhead: report.overhead?.map(overhead),
    energyUnpricedMj: report.energyUnpricedMj,
    carbonUncoveredMj: report.carbonUncoveredMj,
    allocation: report.allocation,
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
      linesAllocatedNanos: undefined,
      allocatedNanos: undefined,
      linesAllocated: decimal(books.linesAllocatedNanos),
      allocated: decimal(books.allocatedNanos),
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
    confidenceMs: of.confidenceMs,
    carbonMilligrams: of.carbonMilligrams,
    ...costs(of.cost),
  };
}

function costs(cost: LineCost | undefined): Record<string, unknown> {
  const { allocated } = cost ?? {};
  return {
    timeCost: decimal(cost?.timeNanos),
    energyCost: decimal(cost?.energyNanos),
    cost: decimal(cost?.totalNanos),
    listCost: decimal(cost?.listNanos),
    contractedCost: decimal(cost?.contractedNanos),
    allocated: allocated && {
      shared: decimal(allocated.sharedNanos),
      overhead: decimal(allocated.overheadNanos),
      given: decimal(allocated.givenNanos),
      total: decimal(allocated.totalNanos),
    },
  };
}

function rate(of: AppliedRate): Record<string, unknown> {
  const { what, model, commitment, tariff, converted, gpuMs, energyMj } = of;
  const prices = { price: decimal(of.nanos), listPrice: decimal(of.listNanos), commitment };
  return { what, model, ...prices, tariff, converted, ...span(of), gpuMs, energyMj };
}

function overhead(of: AppliedOverhead): Record<string, unknown> {
  const { name, gpuHourNanos, pueNanos, converted, gpuMs, energyMj } = of;
  const price = { perGpuHour: decimal(gpuHourNanos), pue: decimal(pueNanos), converted };
  return { name, ...price, ...span(of), gpuMs, energyMj };
}

function decimal(nanos: bigint | undefined): string | undefined {
  return nanos === undefined ? undefined : formatDecimal(nanos, 9);
}

function span({ fromMs, toMs }: { fromMs: number; toMs: number }): { from: string; to: string } {
  return { from: formatInstant(fromMs), to: formatInstant(toMs) };
}
