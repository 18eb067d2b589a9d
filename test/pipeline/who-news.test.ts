import { describe, expect, it } from "vitest";
import { Ownership } from "../../src/attribute/ownership.ts";
import type { ProcessSighting } from "../../src/model/sample.ts";
import { WhoNews } from "../../src/pipeline/who-news.ts";

const ALICE: ProcessSighting = { pid: 10, startTimeMs: 1000, uid: 1000, user: "alice" };

const rig = (agents: number[] = []) => {
  const ownership = new Ownership();
  const news = new WhoNews(ownership);
  const gpus = [0, 1].map((index) => ({ index, uuid: `GPU-${index}`, model: "H200" }));
  const node = { kind: "node", node: "n", source: "nvml", simulated: false } as const;
  ownership.observe({ ...node, intervalMs: 1000, gpus });
  const see = (atMs: number, gpu: number | undefined, ...list: ProcessSighting[]) => {
    const sample =
      gpu === undefined
        ? ({ kind: "host", atMs, list } as const)
        : ({ kind: "processes", atMs, gpu, list } as const);
    ownership.observe(sample);
    news.note(sample, () => new Set(agents));
  };
  const told = () =>
    news.drain("n").map((event) => {
      if (event.kind === "owner") return `owner ${event.identity.owner.id} ${event.atMs}`;
      if (event.kind !== "process") return event.kind;
      return `process ${event.process.pid} of ${event.ownerKey} on [${event.gpuUuids.join()}] ${event.atMs}`;
    });
  return { see, told, news };
};

describe("what is told of owners and processes", () => {
  it("is told once, owners first, with all devices of one tick", () => {
    const { see, told } = rig();
    see(2000, 0, ALICE);
    see(2000, 1, ALICE);
    see(2000, undefined, { ...ALICE, pid: 20, lineage: [{ pid: 10, startTimeMs: 1000 }] });
    expect(told()).toEqual([
      "owner alice 2000",
      "process 10 of user:alice on [GPU-0,GPU-1] 2000",
      "process 20 of user:alice on [] 2000",
    ]);
    see(3000, 0, ALICE);
    see(3000, 1, { ...ALICE });
    expect(told()).toEqual([]);
  });

  it("is told again when an owner's facts change, a process is on another device or is another's", () => {
    const { see, told } = rig();
    see(2000, 0, ALICE);
    told();
    see(3000, 0, { ...ALICE, environ: { RANK: "0" } });
    expect(told()).toEqual(["owner alice 3000"]);
    see(4000, 1, { ...ALICE, environ: { RANK: "0" } });
    expect(told()).toEqual(["process 10 of user:alice on [GPU-0,GPU-1] 2000"]);
    see(5000, 0, { ...ALICE, environ: { RAY_JOB_ID: "01000000" } });
    expect(told()).toEqual([
      "owner ray:alice/01000000 5000",
      "process 10 of job:ray:alice/01000000 on [GPU-0,GPU-1] 2000",
    ]);
  });

  it("gathers the facts of an owner's processes, and tells a change of them once", () => {
    const { see, news } = rig();
    const ranks = Array.from({ length: 40 }, (_, i) => ({
      ...ALICE,
      pid: 100 + i,
      environ: { RANK: String(i) },
    }));
    see(2000, 0, ...ranks);
    const [first] = news.drain("n");
    const rank = first?.kind === "owner" ? first.identity.declared.rank : undefined;
    expect(rank).toBe(Array.from({ length: 16 }, (_, i) => i).join(", "));
    see(3000, 0, ...ranks.toReversed());
    expect(news.drain("n")).toEqual([]);
  });

  it("leaves the agent itself out", () => {
    const { see, told } = rig([10]);
    see(2000, 0, ALICE);
    expect(told()).toEqual([]);
  });
});
