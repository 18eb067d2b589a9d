import { afterEach } from "vitest";
import { createDrmCollector } from "../../../src/collect/drm/collector.ts";
import type { NodeObservation, Observation } from "../../../src/model/observation.ts";
import type { GpuSample, ProcessSample } from "../../../src/model/sample.ts";
import { makeTree, type CardTree } from "./tree.ts";

/** A collector on a tree, with clocks that stand until they are moved. */
export function rig(...cards: CardTree[]) {
  const tree = makeTree();
  disposables.push(tree.dispose);
  for (const card of cards) tree.card(card);
  const clock = { nowMs: 1000, stepMs: 0, calls: 0 };
  const monotonicMs = (): number => {
    clock.calls += 1;
    return clock.nowMs + clock.calls * clock.stepMs;
  };
  const { sysRoot, procRoot } = tree;
  const collector = createDrmCollector(
    { node: "node-1", intervalMs: 1000, sysRoot, procRoot },
    { monotonicMs },
  );
  /** One tick, so much later: both clocks move. */
  const tick = async (afterMs = 1000): Promise<Seen> => {
    clock.nowMs += afterMs;
    return look(await collector.collect(EPOCH_MS + clock.nowMs));
  };
  return { tree, clock, collector, tick };
}

export const EPOCH_MS = 1_700_000_000_000;

const disposables: (() => void)[] = [];
afterEach(() => {
  for (const dispose of disposables.splice(0)) dispose();
});

export interface Seen {
  all: readonly Observation[];
  node: NodeObservation | undefined;
  gpus: Omit<GpuSample, "kind" | "atMs">[];
  lists: Pick<ProcessSample, "gpu" | "list">[];
  gaps: { gpu: number | undefined; lengthMs: number; reason: string }[];
}

function look(all: readonly Observation[]): Seen {
  const seen: Seen = { all, node: undefined, gpus: [], lists: [], gaps: [] };
  for (const one of all) {
    if (one.kind === "node") seen.node = one;
    if (one.kind === "processes") seen.lists.push({ gpu: one.gpu, list: one.list });
    if (one.kind === "gap")
      seen.gaps.push({ gpu: one.gpu, lengthMs: one.toMs - one.fromMs, reason: one.reason });
    if (one.kind === "gpu") {
      const { kind: _kind, atMs: _atMs, ...readings } = one;
      seen.gpus.push(readings);
    }
  }
  return seen;
}
