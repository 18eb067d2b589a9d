import type { Evidence } from "../../model/evidence.ts";
import type { ProcessSighting } from "../../model/sample.ts";
import { sanitize } from "../../model/text.ts";
import type { Lists } from "./lists.ts";
import { lookAt } from "./look.ts";
import { areConfirmed, type Sign, type Signs } from "./signs.ts";

/** Steps up a process tree: more is a ring, or a tree of nobody's. */
const MAX_DEPTH = 64;

interface Finding {
  process: ProcessSighting;
  signs: Signs;
  isConfirmed: boolean;
}

/**
 * Miners among the processes of one owner. However many of his processes show the signs, they weigh
 * once: copies are no new evidence, and a shell that starts a miner is not a second one.
 */
export function minerEvidence(processes: readonly ProcessSighting[], lists: Lists): Evidence[] {
  const findings = processes.flatMap((process): Finding[] => {
    const { signs } = lookAt(process, lists);
    return signs.found.length > 0 ? [{ process, signs, isConfirmed: areConfirmed(signs) }] : [];
  });
  const covered = ancestorsOf(findings, processes);
  const shown = findings.filter(
    ({ process, signs }) => signs.role !== "runner" || !covered.has(process.pid),
  );
  const first = shown.find(({ isConfirmed }) => isConfirmed);
  return shown.map((finding) => evidenceOf(finding, first, lists));
}

/** The processes that confirmed signs were found on. */
export function minersAmong(evidence: readonly Evidence[]): ReadonlySet<number> {
  const pids = evidence.flatMap(({ feature, value }) =>
    feature === "minerProcess" && typeof value === "number" ? [value] : [],
  );
  return new Set(pids);
}

function evidenceOf(
  { process, signs, isConfirmed }: Finding,
  first: Finding | undefined,
  lists: Lists,
): Evidence {
  const list = signs.found.map(textOf).join(", ");
  const { pid } = process;
  if (!isConfirmed) {
    const text = `process ${pid} shows ${whyNot(signs)}, not counted (indicators ${lists.version}): ${list}`;
    return { family: "host", feature: "minerHint", value: pid, text, weights: {} };
  }
  const again =
    first && first.process !== process
      ? `, counted once with process ${first.process.pid} of the same owner,`
      : "";
  return {
    family: "host",
    feature: "minerProcess",
    value: pid,
    text: `process ${pid} shows independent signs of a miner${again} (indicators ${lists.version}): ${list}`,
    weights: again === "" ? { "mining-like": lists.weights.minerProcess } : {},
  };
}

/** Why signs do not count, in words that the explanation of a label can rely on. */
export function whyNot({ role, isList, found }: Signs): string {
  if (role === "runner") return "signs in a command that it starts or hands on";
  if (isList) return "signs that read like a list of what to look for";
  const kinds = new Set(
    found.map(({ kind }) => kind).filter((kind) => kind !== "deleted executable"),
  );
  return kinds.size > 1 ? "signs that each occur by chance" : "one sign that also occurs by chance";
}

/** A path is the observed user's own, so it stands last and is escaped. */
function textOf({ kind, text }: Sign): string {
  return `${kind} ${sanitize(text, 120)}`;
}

/** All that the processes with signs of their own descend from. */
function ancestorsOf(
  findings: readonly Finding[],
  processes: readonly ProcessSighting[],
): ReadonlySet<number> {
  const parents = new Map(processes.map(({ pid, ppid }) => [pid, ppid]));
  const ancestors = new Set<number>();
  for (const { process } of findings) {
    let at = process.ppid;
    for (let depth = 0; at !== undefined && depth < MAX_DEPTH && !ancestors.has(at); depth++) {
      ancestors.add(at);
      at = parents.get(at);
    }
    for (const { pid } of process.lineage?.slice(0, MAX_DEPTH) ?? []) ancestors.add(pid);
  }
  return ancestors;
}
