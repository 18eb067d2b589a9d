import { describe, expect, it } from "vitest";
import { HIDDEN_FOR_MS } from "../../src/attribute/lists.ts";
import type { OwnTime } from "../../src/attribute/own-time.ts";
import type { Share } from "../../src/model/slice.ts";
import { byBasis, everySecond, listAt, listsOf, SERVER, shareOut } from "./support/rig.ts";

const at = (gpuUtil: number) => everySecond(() => ({ gpuUtil }));
const suspicious = (shares: readonly Share[]) =>
  shares.flatMap(({ unexplained }) => unexplained ?? []);

describe("use that nobody explains", () => {
  it("is suspicious where a whole list was read while it lasted, with its numbers", () => {
    expect(suspicious(shareOut(at(0.9), listsOf([])))).toEqual([
      {
        deviceUse: expect.closeTo(0.9),
        visibleUse: 0,
        overMs: 10_000,
        lists: 10,
        lastListAtMs: 10_000,
        listed: 0,
        unlistedPids: [],
      },
    ]);
  });

  it("is noise up to its limit, on both sides", () => {
    expect(suspicious(shareOut(at(0.2), listsOf([])))).toEqual([]);
    expect(suspicious(shareOut(at(0.21), listsOf([])))).toHaveLength(1);
    const seen = (smUtil: number) => listsOf([{ pid: 1, user: "alice", smUtil }]);
    expect(suspicious(shareOut(at(1), seen(0.8)))).toEqual([]);
    expect(suspicious(shareOut(at(1), seen(0.79)))).toHaveLength(1);
  });

  it("is not where nobody looked, or the list is of another time", () => {
    expect(suspicious(shareOut(at(1), []))).toEqual([]);
    const late = shareOut(at(1), [listAt(10_000 + 15_001, [])]);
    expect(byBasis(late)).toMatchObject({ "unattributed no-process-source": 10_000 });
    expect(suspicious(late)).toEqual([]);
    // Near enough to speak for the time around it, but read when nothing of that time is known.
    const before = shareOut(at(1), [listAt(-3000, [])]);
    expect(byBasis(before)).toEqual({ "unattributed nobody-seen": 10_000 });
    expect(suspicious(before)).toEqual([]);
  });

  it("is not where not all processes can be seen", () => {
    for (const list of [[], [{ pid: 1, user: "alice", smUtil: 0.3 }]]) {
      const shares = shareOut(at(1), listsOf(list, { partial: true }));
      expect(Object.keys(byBasis(shares))).toContain("unattributed partial-list");
      expect(suspicious(shares)).toEqual([]);
    }
  });

  it("is not where somebody was there whose use is not told, or an MPS server", () => {
    const told = { pid: 1, user: "alice", smUtil: 0.3 };
    expect(suspicious(shareOut(at(1), listsOf([told, { pid: 2, user: "bob" }])))).toEqual([]);
    expect(suspicious(shareOut(at(1), listsOf([told, SERVER])))).toEqual([]);
    expect(
      suspicious(shareOut(at(1), listsOf([told, { pid: 2, user: "bob", smUtil: 0 }]))),
    ).toHaveLength(1);
  });

  it("is not where a compositor or another graphics process used it: it is seen", () => {
    const compositor = { pid: 3, user: "gdm", comm: "Xorg", smUtil: 0.5 };
    expect(suspicious(shareOut(at(0.5), listsOf([compositor])))).toEqual([]);
  });

  it("is chance where a process came and went between two lists", () => {
    const lists = [listAt(0, []), listAt(5000, []), listAt(10_000, [])];
    // At work from 1 to 4 s: no list was read then.
    const shares = shareOut(
      everySecond((second) => ({ gpuUtil: second >= 2 && second <= 4 ? 1 : 0 })),
      lists,
    );
    expect(byBasis(shares)).toMatchObject({ "unattributed nobody-seen": 3000 });
    expect(suspicious(shares)).toEqual([]);
    // One that ended just before the list still shows in the first reading after it, and not later.
    const ended = everySecond((second) => ({ gpuUtil: second >= 2 && second <= 5 ? 1 : 0 }));
    expect(suspicious(shareOut(ended, lists))).toEqual([]);
    const stayed = everySecond((second) => ({ gpuUtil: second >= 2 && second <= 6 ? 1 : 0 }));
    expect(suspicious(shareOut(stayed, lists))).toHaveLength(1);
  });

  it("is chance where the use of one who is seen swings around the device's", () => {
    const swinging = Array.from({ length: 11 }, (_, i) =>
      listAt((i + 1) * 1000, [{ pid: 1, user: "dora", smUtil: i % 2 ? 0.95 : 0.45 }]),
    );
    // Two of three lists speak against it, and the means are close.
    const device = everySecond((second) => ({ gpuUtil: second % 3 ? 0.95 : 0.1 }));
    expect(suspicious(shareOut(device, swinging))).toEqual([]);
    expect(
      suspicious(shareOut(at(1), listsOf([{ pid: 1, user: "dora", smUtil: 0.45 }]))),
    ).toHaveLength(1);
  });

  it("is no other's where it is the agent's own", () => {
    const own: OwnTime = {
      runs: Array.from({ length: 60 }, (_, i) => ({ fromMs: i * 200, toMs: i * 200 + 40 })),
      beforeMs: 0,
      pids: new Set([77]),
    };
    const lists = listsOf([{ pid: 77, user: "root", memUsedBytes: 1e9 }]);
    expect(suspicious(shareOut(at(1), lists, { own }))).toEqual([]);
    expect(suspicious(shareOut(at(1), lists))).toEqual([]);
  });
});

describe("a process that the driver names and the host lacks", () => {
  const ghost = { pid: 66, smUtil: 0.9, unlisted: true };
  it("is nobody's, by its number, once it has stayed", () => {
    const shares = shareOut(at(0.9), listsOf([ghost]));
    expect(byBasis(shares)).toEqual({ "unattributed hidden-process": 10_000 });
    expect(suspicious(shares)).toMatchObject([{ unlistedPids: [66], overMs: 10_000, lists: 10 }]);
    expect(shares[0]?.pids).toEqual([66]);
  });

  it("is one that ended while it was looked at, up to then", () => {
    const until = (lastMs: number) =>
      byBasis(shareOut(at(0.9), [listAt(1000, [ghost]), listAt(lastMs, [ghost])]));
    expect(until(1000 + HIDDEN_FOR_MS - 1)).toEqual({ "process:66 process-utilization": 10_000 });
    expect(until(1000 + HIDDEN_FOR_MS)).toEqual({ "unattributed hidden-process": 10_000 });
  });

  it("is one that is seen where it is: another may have had the number before", () => {
    const lists = listsOf([ghost]).slice(0, 6);
    lists.push(
      ...[7, 8, 9, 10].map((s) => listAt(s * 1000, [{ pid: 66, user: "bob", smUtil: 0.9 }])),
    );
    expect(byBasis(shareOut(at(0.9), lists))).toEqual({
      "unattributed hidden-process": 6000,
      "user:bob process-utilization": 4000,
    });
  });
});
