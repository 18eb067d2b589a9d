import { describe, expect, it } from "vitest";
import { isMpsDaemon } from "../../src/attribute/mps.ts";
import { byBasis, everySecond, listAt, listsOf, SERVER, shareOut } from "./support/rig.ts";

const alice = { pid: 1, user: "alice" };
const bob = { pid: 2, user: "bob" };
const carol = { pid: 3, user: "carol" };
const full = everySecond(() => ({ gpuUtil: 1 }));

describe("use that is told of some processes only", () => {
  it("leaves the rest to those of whom it is not told, by memory where all tell it", () => {
    const list = (more: object) =>
      listsOf([
        { ...alice, smUtil: 0.4 },
        { ...bob, memUsedBytes: 3e9 },
        { ...carol, ...more },
      ]);
    expect(byBasis(shareOut(full, list({ memUsedBytes: 1e9 })))).toEqual({
      "user:alice process-utilization": 4000,
      "user:bob unmeasured-rest": 4500,
      "user:carol unmeasured-rest": 1500,
    });
    expect(byBasis(shareOut(full, list({})))).toEqual({
      "user:alice process-utilization": 4000,
      "user:bob unmeasured-rest": 3000,
      "user:carol unmeasured-rest": 3000,
    });
  });

  it("is nobody's only where all are measured: told of as 0 is measured", () => {
    const shares = shareOut(
      full,
      listsOf([
        { ...alice, smUtil: 0.4 },
        { ...bob, smUtil: 0 },
      ]),
    );
    expect(byBasis(shares)).toEqual({
      "user:alice process-utilization": 4000,
      "unattributed nobody-seen": 6000,
    });
  });

  it("leaves nothing within the noise, on both sides of its limit", () => {
    const at = (smUtil: number) => byBasis(shareOut(full, listsOf([{ ...alice, smUtil }, bob])));
    expect(at(0.8)).toEqual({ "user:alice process-utilization": 10_000 });
    expect(Object.keys(at(0.79))).toContain("user:bob unmeasured-rest");
  });

  it("calls a share by what most of its time rests on", () => {
    const told = listAt(2000, [{ ...alice, smUtil: 0.9 }]);
    const untold = [4000, 6000, 8000, 10_000].map((atMs) => listAt(atMs, [alice]));
    expect(byBasis(shareOut(full, [told, ...untold]))).toEqual({
      "user:alice sole-process": 10_000,
    });
  });
});

describe("several processes that use more than there is", () => {
  it("share in proportion, each cut at the whole", () => {
    const shares = shareOut(
      full,
      listsOf([
        { ...alice, smUtil: 0.9 },
        { ...bob, smUtil: 0.6 },
      ]),
    );
    expect(byBasis(shares)).toEqual({
      "user:alice process-utilization": 6000,
      "user:bob process-utilization": 4000,
    });
    const garbage = listsOf([
      { ...alice, smUtil: 7 },
      { ...bob, smUtil: 1 },
    ]);
    expect(byBasis(shareOut(full, garbage))).toMatchObject({
      "user:alice process-utilization": 5000,
    });
  });
});

describe("clients of an MPS server", () => {
  it("share by their own use, and the server has none", () => {
    const list = [
      { ...alice, smUtil: 0.75 },
      { ...bob, smUtil: 0.25 },
      { ...SERVER, smUtil: 0 },
    ];
    expect(byBasis(shareOut(full, listsOf(list)))).toEqual({
      "user:alice mps-utilization": 7500,
      "user:bob mps-utilization": 2500,
    });
  });

  it("share by memory or evenly where their use is not told, and it is named", () => {
    const list = (memUsedBytes?: number) =>
      listsOf([{ ...alice, memUsedBytes: 3e9 }, { ...bob, memUsedBytes }, SERVER]);
    expect(byBasis(shareOut(full, list(1e9)))).toEqual({
      "user:alice mps-memory-held": 7500,
      "user:bob mps-memory-held": 2500,
    });
    expect(byBasis(shareOut(full, list()))).toEqual({
      "user:alice mps-equal-split": 5000,
      "user:bob mps-equal-split": 5000,
    });
  });

  it("need no split where there is one", () => {
    expect(byBasis(shareOut(full, listsOf([alice, SERVER])))).toEqual({
      "user:alice sole-process": 10_000,
    });
  });

  it("get what the driver books on the server, where nothing is told of them", () => {
    const list = [alice, bob, { ...SERVER, smUtil: 0.98 }];
    expect(byBasis(shareOut(full, listsOf(list)))).toEqual({
      "user:alice mps-equal-split": 5000,
      "user:bob mps-equal-split": 5000,
    });
    const measured = [
      { ...alice, smUtil: 0.5 },
      { ...SERVER, smUtil: 0.5 },
    ];
    expect(byBasis(shareOut(full, listsOf(measured)))).toEqual({
      "user:alice mps-utilization": 5000,
      "unattributed mps-server-only": 5000,
    });
  });

  it("cannot be told where only the server shows, which is no sign of anybody who hides", () => {
    for (const list of [[SERVER], [{ ...SERVER, smUtil: 0.9 }]]) {
      const shares = shareOut(full, listsOf(list));
      expect(byBasis(shares)).toEqual({ "unattributed mps-server-only": 10_000 });
      expect(shares[0]?.unexplained).toBeUndefined();
    }
    const some = shareOut(full, listsOf([{ ...alice, smUtil: 0.4 }, SERVER]));
    expect(byBasis(some)).toEqual({
      "user:alice mps-utilization": 4000,
      "unattributed mps-server-only": 6000,
    });
    expect(some.every(({ unexplained }) => unexplained === undefined)).toBe(true);
  });

  it("are told by the server's executable alone, where it is installed", () => {
    for (const path of ["/usr/bin/", "/usr/local/nvidia/bin/", "/run/nvidia/driver/usr/bin/"])
      expect(isMpsDaemon({ pid: 1, exe: `${path}nvidia-cuda-mps-server` })).toBe(true);
    expect(isMpsDaemon({ pid: 1, exe: "/usr/bin/nvidia-cuda-mps-control" })).toBe(true);
    for (const exe of [
      "/tmp/nvidia-cuda-mps-server",
      "/home/eve/nvidia-cuda-mps-server",
      "/usr/bin/nvidia-cuda-mps-server (deleted)",
      "/usr/bin/python3",
      undefined,
    ])
      expect(
        isMpsDaemon({ pid: 1, exe, comm: "nvidia-cuda-mps", argv: ["nvidia-cuda-mps-server"] }),
      ).toBe(false);
  });
});

describe("processes of one MIG instance", () => {
  it("are split by memory held or evenly, since no driver tells their use there", () => {
    const busy = everySecond(() => ({ smActive: 0.7 }));
    const memory = [
      { ...alice, memUsedBytes: 4e9 },
      { ...bob, memUsedBytes: 1e9 },
    ];
    expect(byBasis(shareOut(busy, listsOf(memory)))).toEqual({
      "user:alice memory-held": 8000,
      "user:bob memory-held": 2000,
    });
    expect(byBasis(shareOut(busy, listsOf([alice, bob])))).toEqual({
      "user:alice equal-split": 5000,
      "user:bob equal-split": 5000,
    });
  });
});
