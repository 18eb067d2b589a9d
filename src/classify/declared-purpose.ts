import type { Evidence } from "../model/evidence.ts";
import { DECIDABLE_LABELS } from "../model/label.ts";
import type { ProcessSighting } from "../model/sample.ts";
import { keysOf, type PurposeEntry, type Purposes } from "./purpose-data.ts";
import { type Invocation, invocationOf } from "./purpose-invocation.ts";
import type { Scores, Verdict } from "./score.ts";

/** Pids that a sentence names; a job may have thousands. */
const NAMED_PIDS = 3;
/** From this confidence on, telemetry that reads otherwise than declared is worth a line. */
const CONTRADICTS_FROM = 0.8;

/** What speaks for one label: the entry that weighs most, and everybody who declares it. */
interface Declaration {
  entry: PurposeEntry;
  pids: Set<number>;
}

/**
 * What the programs of one owner openly say they are: one item for each label, however many
 * processes declare it, since copies of a process are no new evidence. Texts hold words of the data
 * and pids, nothing that the observed user wrote.
 * @param processes all of one owner: those on the device and the others of their trees
 */
export function declaredPurpose(
  processes: readonly ProcessSighting[],
  purposes: Purposes,
): Evidence[] {
  const index = indexOf(purposes);
  const found = new Map<string, Declaration>();
  for (const process of processes)
    for (const entry of entriesOf(process, index)) note(found, entry, process.pid);
  const declared = DECIDABLE_LABELS.flatMap((label) => found.get(label) ?? []).map(said);
  const nothing = found.get("");
  return declared.length === 0 && nothing ? [saidNothing(nothing)] : declared;
}

/**
 * Scores with what the owner declares on top. Log-odds of the accusation, mining-like against all
 * else, fall by `maxRelief` at most and never rise: past that, what is declared only moves weight
 * among the other labels. So a miner that calls itself torchrun hides behind nothing.
 * @param declared of {@link declaredPurpose}
 */
export function addDeclared(
  scores: Scores,
  declared: readonly Evidence[],
  { maxRelief }: Pick<Purposes, "maxRelief">,
): Scores {
  const sum = { ...scores };
  for (const label of OTHERS) for (const item of declared) sum[label] += item.weights[label] ?? 0;
  const relief = massOfOthers(sum) - massOfOthers(scores);
  const excess = Math.max(0, relief - maxRelief);
  for (const label of OTHERS) sum[label] -= excess;
  return sum;
}

/**
 * The finding that telemetry is sure of another label than the one declared. It weighs nothing: a
 * job has phases, and a name proves neither. Undefined where nothing was declared, telemetry is
 * unsure, or the owner declares the label that it reads among others.
 * @param declared of {@link declaredPurpose}
 * @param telemetry the verdict of telemetry alone, without what was declared
 */
export function purposeContradiction(
  declared: readonly Evidence[],
  { label: reads, confidence }: Pick<Verdict, "label" | "confidence">,
): Evidence | undefined {
  const decided = DECIDABLE_LABELS.find((label) => label === reads);
  const labels = DECIDABLE_LABELS.filter((label) =>
    declared.some((item) => (item.weights[label] ?? 0) > 0),
  );
  if (!decided || confidence < CONTRADICTS_FROM) return undefined;
  if (labels.length === 0 || labels.includes(decided)) return undefined;
  const says = labels.join(" and ");
  const sure = confidence.toFixed(2);
  return {
    family: "context",
    feature: "purposeContradiction",
    value: `${says}, read as ${decided}`,
    text: `declares itself ${says}, and its telemetry reads ${decided} (${sure}): a finding of its own, not weighed`,
    weights: {},
  };
}

const OTHERS = DECIDABLE_LABELS.filter((label) => label !== "mining-like");

/** Logarithm of what all labels but mining-like have together. */
function massOfOthers(scores: Scores): number {
  const scaled = OTHERS.map((label) => scores[label]);
  const top = Math.max(...scaled);
  return top + Math.log(scaled.reduce((sum, score) => sum + Math.exp(score - top), 0));
}

type Index = ReadonlyMap<string, PurposeEntry>;

/** Made once for each list: every owner of every window asks. */
const indexes = new WeakMap<Purposes, Index>();

function indexOf(purposes: Purposes): Index {
  const known = indexes.get(purposes);
  if (known) return known;
  const index = new Map(
    purposes.entries.flatMap((entry) => keysOf(entry).map((key) => [key, entry] as const)),
  );
  indexes.set(purposes, index);
  return index;
}

function entriesOf(process: ProcessSighting, index: Index): PurposeEntry[] {
  const invocation = invocationOf(process);
  const entries = [
    byProgram(invocation, index),
    byModule(invocation.module, index),
    index.get(`title ${invocation.title}`),
  ];
  // Ray may set a worker's variables after it has started: its title shows the same name.
  const worker = /^ray::([a-z_]{1,40})-/.exec(
    (process.argv?.[0] ?? process.comm ?? "").slice(0, 64),
  );
  if (worker) entries.push(index.get(`variable WORKER_NAME ${worker[1]}`));
  for (const [name, value] of Object.entries(process.environ ?? {})) {
    entries.push(index.get(`variable ${name} `));
    entries.push(index.get(`variable ${name} ${value.split("-", 1)[0]}`));
  }
  return entries.filter((entry) => entry !== undefined);
}

function byProgram({ program, firstArgument }: Invocation, index: Index): PurposeEntry | undefined {
  const entry = program === undefined ? undefined : index.get(`program ${program}`);
  if (!entry?.firstArguments) return entry;
  const isThis = firstArgument !== undefined && entry.firstArguments.includes(firstArgument);
  return isThis ? entry : undefined;
}

/** `vllm.entrypoints` also knows `vllm.entrypoints.openai.api_server`. */
function byModule(module: string | undefined, index: Index): PurposeEntry | undefined {
  for (let name = module ?? ""; name !== ""; name = name.slice(0, name.lastIndexOf("."))) {
    const entry = index.get(`module ${name}`);
    if (entry || !name.includes(".")) return entry;
  }
  return undefined;
}

function note(found: Map<string, Declaration>, entry: PurposeEntry, pid: number): void {
  const label = entry.declares?.label ?? "";
  const known = found.get(label) ?? { entry, pids: new Set() };
  if (weightOf(entry) > weightOf(known.entry) || isBefore(entry, known.entry)) known.entry = entry;
  known.pids.add(pid);
  found.set(label, known);
}

function weightOf({ declares }: PurposeEntry): number {
  return declares?.weight ?? 0;
}

/** Of two that weigh the same, the first by name: the order of processes tells nothing. */
function isBefore(a: PurposeEntry, b: PurposeEntry): boolean {
  return weightOf(a) === weightOf(b) && a.name < b.name;
}

function said({ entry, pids }: Declaration): Evidence {
  return {
    family: "declared",
    feature: "declaredPurpose",
    value: entry.name,
    text: `declares itself ${entry.name} (${pidsOf(pids)}): ${entry.reason}`,
    weights: entry.declares ? { [entry.declares.label]: entry.declares.weight } : {},
  };
}

function saidNothing({ entry, pids }: Declaration): Evidence {
  const text = `runs ${entry.name} (${pidsOf(pids)}), which declares no purpose: ${entry.reason}`;
  return { family: "context", feature: "noPurpose", value: entry.name, text, weights: {} };
}

function pidsOf(pids: ReadonlySet<number>): string {
  const sorted = [...pids].sort((a, b) => a - b);
  const more = sorted.length - NAMED_PIDS;
  const named = sorted.slice(0, NAMED_PIDS).join(", ");
  return `pid ${named}${more > 0 ? ` and ${more} more` : ""}`;
}
