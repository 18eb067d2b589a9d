import { afterEach, describe, expect, it } from "vitest";
import type { Collector } from "../../../src/collect/contract.ts";
import { createThreadedDrmCollector } from "../../../src/collect/drm/thread.ts";
import { builtUrl } from "../../support/built.ts";
import { management, radeon } from "./cards.ts";
import { makeTree, type CardTree } from "./tree.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const threaded = (workerUrl: URL, ...cards: CardTree[]): Collector => {
  const tree = makeTree();
  ends.push(tree.dispose);
  for (const card of cards) tree.card(card);
  const { sysRoot, procRoot } = tree;
  const collector = createThreadedDrmCollector(
    { node: "n1", intervalMs: 1000, sysRoot, procRoot, workerUrl },
    { monotonicMs: () => performance.now() },
  );
  ends.push(() => collector.close());
  return collector;
};

describe("AMD and Intel devices on a thread", () => {
  it("are read there", async () => {
    const collector = threaded(builtUrl("collect/thread/worker.js"), radeon());
    expect(await collector.open()).toMatchObject({ status: "ready" });
    const seen = await collector.collect(1_800_000_000_000);
    expect(seen).toContainEqual(expect.objectContaining({ kind: "node", source: "amdgpu" }));
    expect(seen).toContainEqual(
      expect.objectContaining({ kind: "gpu", gpu: 0, gpuUtil: expect.any(Number) }),
    );
  });

  it("take no thread where there is none: a management controller is no GPU", async () => {
    const collector = threaded(builtUrl("collect/thread/no-such-worker.js"), management());
    expect(await collector.open()).toMatchObject({ status: "absent" });
  });
});
