import { z } from "zod";
import type { Evidence } from "../model/evidence.ts";
import type { ProcessSighting } from "../model/sample.ts";
import { sanitize } from "../model/text.ts";

const group = z.strictObject({
  date: z.iso.date(),
  source: z.string(),
  values: z.array(z.string().min(1)),
});

/** Indicator lists as data: `data/indicators.json`, each group with its date and source. */
export const indicatorsSchema = z.strictObject({
  version: z.string(),
  /** Log-odds that two independent hits on one process add to mining-like. */
  confirmedWeight: z.number().positive().max(6),
  minerNames: group,
  stratumSchemes: group,
  minerArguments: group,
  tunnelPrograms: group,
});

export type Indicators = z.infer<typeof indicatorsSchema>;

/** One indicator that a process matched. Independent kinds confirm each other; equal kinds do not. */
interface Hit {
  kind: "program name" | "pool address scheme" | "miner option" | "deleted executable";
  text: string;
}

/**
 * What a process itself gives away. One hit alone decides nothing: names are shared, options are
 * short, and an accusation needs two that are independent.
 */
export function hostEvidence(
  processes: readonly ProcessSighting[],
  indicators: Indicators,
): Evidence[] {
  return processes.flatMap((process) => {
    const found = minerEvidence(process, indicators);
    const tunnel = tunnelEvidence(process, indicators);
    return [found, tunnel].filter((item) => item !== undefined);
  });
}

function minerEvidence(process: ProcessSighting, indicators: Indicators): Evidence | undefined {
  const hits = hitsOf(process, indicators);
  if (hits.length === 0) return undefined;
  const kinds = new Set(hits.map((hit) => hit.kind));
  kinds.delete("deleted executable");
  const confirmed = kinds.size >= 2;
  const list = hits.map((hit) => `${hit.kind} ${hit.text}`).join(", ");
  return {
    family: "host",
    feature: confirmed ? "minerProcess" : "minerHint",
    value: process.pid,
    text: confirmed
      ? `process ${process.pid} shows independent signs of a miner: ${list}`
      : `process ${process.pid} shows one sign that also occurs by chance, not counted: ${list}`,
    weights: confirmed ? { "mining-like": indicators.confirmedWeight } : {},
  };
}

function hitsOf(process: ProcessSighting, indicators: Indicators): Hit[] {
  const hits: Hit[] = [];
  const argv = process.argv ?? [];
  const names = new Set(indicators.minerNames.values);
  const name = [process.exe, argv[0], process.comm]
    .map((path) => programName(path))
    .find((program) => program !== undefined && names.has(program));
  if (name) hits.push({ kind: "program name", text: sanitize(name) });
  const scheme = argv.find((arg) => schemeOf(arg, indicators) !== undefined);
  if (scheme) hits.push({ kind: "pool address scheme", text: schemeOf(scheme, indicators) ?? "" });
  const options = new Set(indicators.minerArguments.values);
  const option = argv.find((arg) => options.has(optionOf(arg)));
  if (option) hits.push({ kind: "miner option", text: sanitize(optionOf(option), 40) });
  if (hits.length > 0 && process.exe?.endsWith(" (deleted)"))
    hits.push({ kind: "deleted executable", text: sanitize(process.exe, 120) });
  return hits;
}

/** `/usr/bin/T-Rex (deleted)` → `t-rex`. */
function programName(path: string | undefined): string | undefined {
  return path
    ?.replace(/ \(deleted\)$/, "")
    .split("/")
    .at(-1)
    ?.toLowerCase();
}

function schemeOf(arg: string, indicators: Indicators): string | undefined {
  const lower = arg.toLowerCase();
  return indicators.stratumSchemes.values.find((scheme) => lower.includes(scheme));
}

function optionOf(arg: string): string {
  const equals = arg.indexOf("=");
  return equals < 0 ? arg : arg.slice(0, equals);
}

/** A reverse tunnel is no proof of mining: it is shown beside the verdict and moves no weight. */
function tunnelEvidence(process: ProcessSighting, indicators: Indicators): Evidence | undefined {
  const name = programName(process.exe ?? process.argv?.[0] ?? process.comm);
  const args = process.argv?.slice(1) ?? [];
  const reverse =
    name === "ssh" && args.some((arg) => /^-[a-zA-Z]*R/.test(arg) || /RemoteForward/i.test(arg));
  const program = name !== undefined && indicators.tunnelPrograms.values.includes(name);
  if (!reverse && !program) return undefined;
  const what = reverse
    ? "an ssh process that opens a reverse tunnel"
    : `the tunnel ${sanitize(name ?? "")}`;
  return {
    family: "context",
    feature: "tunnel",
    value: process.pid,
    text: `${what} runs in the same process trees (pid ${process.pid})`,
    weights: {},
  };
}
