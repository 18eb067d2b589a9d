import { describe, expect, it } from "vitest";
import { byBasis, everySecond, listAt, listsOf, shareOut } from "./support/rig.ts";

const full = everySecond(() => ({ gpuUtil: 1 }));
const alice = { pid: 1, user: "alice", smUtil: 0.9 };

describe("processes that are gone", () => {
  const gone = { pid: 9, user: "bob", smUtil: 0.9, exited: true };

  it("count in the time up to the list that tells of them, and not after it", () => {
    const lists = [listAt(2000, []), listAt(6000, [{ ...gone, startTimeMs: 2500 }])];
    // From 2 to 6 s it was there; after 6 s nobody is.
    expect(byBasis(shareOut(full, lists))).toEqual({
      "unattributed nobody-seen": 2000 + 4000,
      "user:bob process-utilization": 4000,
    });
  });

  it("do not count before they began, on both sides of it", () => {
    const at = (startTimeMs: number) =>
      byBasis(shareOut(full, [listAt(2000, []), listAt(6000, [{ ...gone, startTimeMs }])]))[
        "user:bob process-utilization"
      ];
    expect([at(3999), at(4000), at(4001)]).toEqual([3000, 2000, 2000]);
  });

  it("count beside those who are still there", () => {
    const both = [
      { ...alice, smUtil: 0.45 },
      { ...gone, smUtil: 0.45, startTimeMs: 0 },
    ];
    const lists = [listAt(5000, both), listAt(10_000, [{ ...alice, smUtil: 0.45 }])];
    const halved = everySecond((second) => ({ gpuUtil: second <= 5 ? 0.9 : 0.45 }));
    expect(byBasis(shareOut(halved, lists))).toEqual({
      "user:alice process-utilization": 7500,
      "user:bob process-utilization": 2500,
    });
  });
});

describe("a pid that passes from one owner to another", () => {
  it("is in each list the owner's who has it then: with its start it names one process", () => {
    const first = { pid: 7, startTimeMs: 1000, user: "alice", smUtil: 0.9 };
    const second = { pid: 7, startTimeMs: 5200, user: "bob", smUtil: 0.9 };
    const lists = [1, 2, 3, 4, 5].map((s) => listAt(s * 1000, [first]));
    lists.push(...[6, 7, 8, 9, 10].map((s) => listAt(s * 1000, [second])));
    const shares = shareOut(full, lists);
    expect(byBasis(shares)).toEqual({
      "user:alice process-utilization": 5000,
      "user:bob process-utilization": 5000,
    });
    expect(shares.map(({ pids }) => pids)).toEqual([[7], [7]]);
  });

  it("is two processes in a list that tells of both", () => {
    const lists = listsOf([{ ...alice, pid: 7, startTimeMs: 9_000 }]);
    const both = [
      { pid: 7, startTimeMs: 500, user: "bob", smUtil: 0.9, exited: true },
      { ...alice, pid: 7, startTimeMs: 1900, smUtil: 0.1 },
    ];
    lists[1] = listAt(2000, both);
    expect(byBasis(shareOut(full, lists))).toEqual({
      "user:alice process-utilization": 9100,
      "user:bob process-utilization": 900,
    });
  });
});
