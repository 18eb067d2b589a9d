import { describe, expect, it } from "vitest";
import type { LaunchSample, ProcessSample, ProcessSighting } from "../../src/model/sample.ts";
import { type ShareInput, shareFeatures } from "../../src/signature/share-features.ts";

const GB = 1e9;
const window = { fromMs: 110_000, toMs: 120_000 };
const ME = { pid: 10, startTimeMs: 1 };
const HER = { pid: 20, startTimeMs: 2 };

/** Lists once a second, newest at the window's end. */
function lists(
  of: (second: number) => ProcessSighting[],
  { seconds = 10, stepMs = 1000 } = {},
): ProcessSample[] {
  return Array.from({ length: (seconds * 1000) / stepMs }, (_, i) => {
    const atMs = window.toMs - i * stepMs;
    return { kind: "processes", gpu: 0, atMs, list: of(atMs / 1000) };
  });
}
const mine = (processes: ProcessSample[], more: Partial<ShareInput> = {}) =>
  shareFeatures({ window, processes, own: [ME], memoryBytes: 80 * GB, ...more });

describe("an owner's use beside another's", () => {
  it("has a spread where what the others leave does not bound him", () => {
    const calm = mine(
      lists((s) => [
        { ...ME, smUtil: s % 2 ? 0.8 : 0.2 },
        { ...HER, smUtil: 0.01 },
      ]),
    );
    expect(calm.gpuUtilSpread).toBeCloseTo(0.3, 1);
    const steady = mine(
      lists(() => [
        { ...ME, smUtil: 0.5 },
        { ...HER, smUtil: 0.05 },
      ]),
    );
    expect(steady.gpuUtilSpread).toBeLessThan(0.05);
  });

  it("has none beside a neighbour who fills the device: he may have asked for anything", () => {
    const full = (s: number) => [
      { ...ME, smUtil: s % 2 ? 0.3 : 0.5 },
      { ...HER, smUtil: s % 2 ? 0.7 : 0.5 },
    ];
    expect(mine(lists(full)).gpuUtilSpread).toBeUndefined();
    const atOnce = () => [
      { ...ME, smUtil: 0.9 },
      { ...HER, smUtil: 0.9 },
    ];
    expect(mine(lists(atOnce)).gpuUtilSpread).toBeUndefined();
  });

  it("has none where its bounds lie in two bins", () => {
    const processes = lists(() => [
      { ...ME, smUtil: 0.5 },
      { ...HER, smUtil: 0.05 },
    ]);
    expect(mine(processes, { edges: { gpuUtilSpread: [0.15] } }).gpuUtilSpread).toBeDefined();
    expect(
      mine(processes, { edges: { gpuUtilSpread: [0.01, 0.15] } }).gpuUtilSpread,
    ).toBeUndefined();
  });

  it("rests where the driver tells of others only, for more than a late second", () => {
    const silentUntil = (last: number) =>
      lists((s) => [
        { ...ME, ...((s < 113 || s > last) && { smUtil: 0.5 }) },
        { ...HER, smUtil: 0.3 },
      ]);
    expect(mine(silentUntil(116)).zeroUtilShare).toBeCloseTo(0.4);
    expect(mine(silentUntil(114)).zeroUtilShare).toBeCloseTo(0.2);
    const left = lists((s) => (s > 115 ? [] : [{ ...ME, smUtil: 0.5 }]));
    expect(mine(left).zeroUtilShare).toBeCloseTo(0.5);
    // One silent second, or a last one, may be late word.
    expect(mine(silentUntil(113)).zeroUtilShare).toBe(0);
    expect(mine(silentUntil(112)).zeroUtilShare).toBe(0);
  });

  it("is not known where nobody's is told, or his never", () => {
    const untold = mine(lists(() => [{ ...ME, memUsedBytes: 8 * GB }, { ...HER }]));
    expect(untold).toMatchObject({ memUsedShare: 0.1, processCount: 1 });
    expect(untold.zeroUtilShare).toBeUndefined();
    const hers = mine(lists(() => [{ ...ME }, { ...HER, smUtil: 0.5 }]));
    expect(hers.zeroUtilShare).toBeUndefined();
    expect(hers.gpuUtilSpread).toBeUndefined();
  });

  it("needs four readings", () => {
    const of = (seconds: number) => mine(lists(() => [{ ...ME, smUtil: 0.5 }], { seconds }));
    expect([of(4).gpuUtilSpread, of(4).zeroUtilShare]).toEqual([0, 0]);
    expect([of(3).gpuUtilSpread, of(3).zeroUtilShare]).toEqual([undefined, undefined]);
  });

  it("reads the same when lists come twice a second and the driver's word once", () => {
    const fast = lists(
      (s) => [
        { ...ME, ...(Number.isInteger(s) && { smUtil: 0.5 }) },
        { ...HER, smUtil: 0 },
      ],
      { stepMs: 500 },
    );
    expect(mine(fast)).toMatchObject({ zeroUtilShare: 0, gpuUtilSpread: 0 });
  });

  it("shows his own duty cycle while the device never rests", () => {
    const cycle = (on: (s: number) => boolean) =>
      mine(
        lists(
          (s) => [
            { ...ME, smUtil: on(s) ? 0.5 : 0 },
            { ...HER, smUtil: on(s) ? 0.5 : 1 },
          ],
          { seconds: 120 },
        ),
      );
    const regular = cycle((s) => s % 10 < 3);
    expect(regular.burstsPerMinute).toBeCloseTo(6, 0);
    expect(regular.burstRegularity).toBe(1);
    const random = cycle((s) => [3, 7, 22, 23, 60, 64, 90].includes(s));
    expect(random.burstRegularity).toBeLessThan(0.5);
    const never = cycle(() => true);
    expect([never.burstsPerMinute, never.burstRegularity]).toEqual([undefined, undefined]);
    // Every third second: the second itself is too coarse to call it even or not.
    expect(cycle((s) => s % 3 === 0).burstRegularity).toBeUndefined();
  });
});

describe("an owner's memory", () => {
  const use = (smUtil: number, memUtil: number) => [
    { ...ME, smUtil, memUtil },
    { ...HER, smUtil: 0.5, memUtil: 0.5 },
  ];

  it("is in use relative to the time his kernels ran", () => {
    expect(mine(lists(() => use(0.5, 0.3))).memPerUtil).toBeCloseTo(0.6);
    expect(mine(lists(() => use(0.25, 0.15))).memPerUtil).toBeCloseTo(0.6);
    expect(mine(lists(() => use(0.5, 0))).memPerUtil).toBe(0);
    expect(mine(lists(() => use(0.11, 0.2))).memPerUtil).toBe(1);
  });

  it("is not told by a quotient of roundings, nor where processes run at once", () => {
    expect(mine(lists(() => use(0.09, 0.05))).memPerUtil).toBeUndefined();
    expect(mine(lists(() => use(0.9, 0.5))).memPerUtil).toBeUndefined();
    expect(mine(lists(() => [{ ...ME, smUtil: 0.5 }])).memPerUtil).toBeUndefined();
  });

  it("held is his own processes' together, and unknown where one of them does not tell", () => {
    const two = (b: number | undefined) =>
      lists(() => [
        { ...ME, memUsedBytes: 8 * GB },
        { pid: 11, startTimeMs: 1, memUsedBytes: b },
        { ...HER, memUsedBytes: 60 * GB },
      ]);
    const own = [ME, { pid: 11, startTimeMs: 1 }];
    expect(mine(two(16 * GB), { own }).memUsedShare).toBeCloseTo(0.3);
    expect(mine(two(undefined), { own }).memUsedShare).toBeUndefined();
    expect(mine(two(16 * GB), { own, memoryBytes: undefined }).memUsedShare).toBeUndefined();
  });

  it("varies over the context, not the window", () => {
    const grown = lists((s) => [{ ...ME, memUsedBytes: (s > 60 ? 16 : 8) * GB }], { seconds: 100 });
    expect(mine(grown)).toMatchObject({ memUsedShare: 0.2, memHeldVariation: 0.1 });
  });
});

describe("whose a process is", () => {
  const again = { pid: ME.pid, startTimeMs: 999 };

  it("is told by pid and start time: a reused pid is somebody else", () => {
    const processes = lists((s) => [
      {
        ...(s > 115 ? again : ME),
        smUtil: s > 115 ? 0.8 : 0.2,
        memUsedBytes: (s > 115 ? 40 : 8) * GB,
      },
    ]);
    expect(mine(processes).memUsedShare).toBeCloseTo(0.1);
    expect(mine(processes, { own: [again] }).memUsedShare).toBeCloseTo(0.5);
    expect(mine(processes).processCount).toBeUndefined();
  });

  it("is the only bearer's where the start was not told, and nobody's where there were two", () => {
    const half = (other: ProcessSighting[]) =>
      lists((s) => [
        s % 2 ? { ...ME, memUsedBytes: 8 * GB } : { pid: ME.pid, memUsedBytes: 16 * GB },
        ...other,
      ]);
    expect(mine(half([])).memUsedShare).toBeCloseTo(0.15);
    expect(mine(half([again])).memUsedShare).toBeCloseTo(0.1);
  });

  it("is not asked of what the driver's books tell of the dead", () => {
    const dead = lists(() => [
      { ...ME, memUsedBytes: 8 * GB },
      { pid: ME.pid, startTimeMs: 5, exited: true, smUtil: 0.1 },
    ]);
    expect(mine(dead)).toMatchObject({ memUsedShare: 0.1, processCount: 1 });
    const untimed = lists(() => [{ pid: ME.pid, exited: true, memUsedBytes: 8 * GB }]);
    expect(mine(untimed).memUsedShare).toBeUndefined();
  });
});

describe("an owner's launches", () => {
  const launches = (pid: number, name: string, atMs = 119_000): LaunchSample => ({
    kind: "launches",
    pid,
    atMs,
    windowSeconds: 1,
    list: [
      { name, count: 30 },
      { name: `${name}2`, count: 10 },
    ],
  });
  const processes = lists(() => [{ ...ME }, { ...HER }]);

  it("are those of his pids in the window", () => {
    const found = mine(processes, {
      launches: [launches(ME.pid, "a"), launches(HER.pid, "b"), launches(ME.pid, "c", 100_000)],
    });
    expect(found).toMatchObject({ launchesPerSecond: 40, launchVariety: 2, launchTopShare: 0.75 });
  });

  it("are those of the bearer of the pid at the time", () => {
    const late = { pid: ME.pid, startTimeMs: 118_000 };
    const both = lists((s) => [s > 118 ? late : ME]);
    const traced = { launches: [launches(ME.pid, "a", 117_000), launches(ME.pid, "b", 119_500)] };
    expect(mine(both, traced).launchVariety).toBe(2);
    expect(mine(both, { ...traced, own: [late] }).launchVariety).toBe(2);
    expect(
      mine(both, { launches: [launches(ME.pid, "b", 119_500)] }).launchVariety,
    ).toBeUndefined();
  });
});

describe("an owner's processes", () => {
  const at = (pid: number, ppid?: number): ProcessSighting => ({ pid, ppid });
  const host = (...list: ProcessSighting[]) => ({ kind: "host" as const, atMs: 119_000, list });
  const two = lists(() => [
    { ...ME, ppid: 5 },
    { ...HER, ppid: 6 },
  ]);
  const trees = (...list: ProcessSighting[]) => mine(two, { host: host(...list) }).treeProcesses;

  it("beside the device are those that his started, and nobody else's", () => {
    expect(trees(at(100, ME.pid), at(101, 100), at(200, HER.pid))).toBe(2);
    expect(trees(at(300, 299))).toBe(0);
    expect(trees()).toBe(0);
  });

  it("are not what stands above him or beside him: a shell, an agent, the rest of a container", () => {
    expect(trees(at(5, 1), at(50, 5), at(6, 1), at(60, 6))).toBe(0);
    expect(trees(at(5, 4), at(4, 1), at(40, 4), at(100, ME.pid))).toBe(1);
  });

  it("are counted for each of his that holds the device", () => {
    const pair = lists(() => [
      { ...ME, ppid: 5 },
      { pid: 11, startTimeMs: 1, ppid: 5 },
      { ...HER },
    ]);
    const found = mine(pair, { own: [ME, { pid: 11, startTimeMs: 1 }], host: host(at(12, 11)) });
    expect(found).toMatchObject({ processCount: 2, treeProcesses: 0.5 });
  });

  it("are not known where nobody looked, or no parent is told", () => {
    expect(mine(two).treeProcesses).toBeUndefined();
    expect(trees(at(100), at(101))).toBeUndefined();
  });

  it("end in a chain of parents that bites its own tail", () => {
    expect(trees(at(70, 71), at(71, 70), at(100, ME.pid))).toBe(1);
    expect(
      mine(
        lists(() => [{ ...ME, ppid: 5 }, { ...HER }]),
        { host: host(at(5, ME.pid)) },
      ).treeProcesses,
    ).toBe(1);
  });
});
