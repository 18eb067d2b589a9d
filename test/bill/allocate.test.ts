import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allocate, type OwnerCell } from "../../src/bill/allocate.ts";
import {
  type AllocationPolicy,
  NOTHING_SHARED,
  SHARED_COSTS,
  SHARINGS,
} from "../../src/bill/allocation-policy.ts";

const policy = (over: Partial<AllocationPolicy>): AllocationPolicy => ({
  ...NOTHING_SHARED,
  ...over,
});

/** A cell whose cost is that of its time alone. */
const cell = (ownerKey: string, cost: number, more: Partial<OwnerCell> = {}): OwnerCell => ({
  line: ownerKey,
  ownerKey,
  timeMs: BigInt(cost),
  timeExact: BigInt(cost),
  ownNanos: BigInt(cost),
  overheadNanos: 0n,
  ...more,
});

/** Shared, overhead, given and total of each line. */
const shares = (cells: readonly OwnerCell[], over: Partial<AllocationPolicy>) =>
  Object.fromEntries(
    [...allocate(cells, policy(over))].map(([line, each]) => [
      line,
      [each.sharedNanos, each.overheadNanos, each.givenNanos, each.totalNanos].map(Number),
    ]),
  );

const TWO = [cell("user:a", 300), cell("user:b", 100), cell("idle", 80)];

describe("idle time that nobody held", () => {
  it("stays a line of its own where nothing is shared", () => {
    expect(shares(TWO, {})).toEqual({
      "user:a": [0, 0, 0, 300],
      "user:b": [0, 0, 0, 100],
      idle: [0, 0, 0, 80],
    });
  });

  it("is shared equally, or by the cost of each owner's time", () => {
    expect(shares(TWO, { idleFree: "even" })).toEqual({
      "user:a": [40, 0, 0, 340],
      "user:b": [40, 0, 0, 140],
      idle: [0, 0, 80, 0],
    });
    expect(shares(TWO, { idleFree: "proportional" })).toEqual({
      "user:a": [60, 0, 0, 360],
      "user:b": [20, 0, 0, 120],
      idle: [0, 0, 80, 0],
    });
  });

  it("stays where it is where there is nobody to bear it", () => {
    const nobody = [cell("idle", 80), cell("unobserved", 20), cell("agent", 5)];
    expect(shares(nobody, { idleFree: "even", unobserved: "proportional" })).toEqual({
      idle: [0, 0, 0, 80],
      unobserved: [0, 0, 0, 20],
      agent: [0, 0, 0, 5],
    });
    const free = [cell("user:a", 0), cell("idle", 80)];
    expect(shares(free, { idleFree: "proportional" }).idle).toEqual([0, 0, 0, 80]);
    expect(shares(free, { idleFree: "even" }).idle).toEqual([0, 0, 80, 0]);
  });
});

describe("each shared cost", () => {
  const all = [...TWO, cell("unobserved", 40), cell("unattributed", 8), cell("agent", 4)];

  it.each(["unobserved", "unattributed", "agent"] as const)(
    "%s is shared by itself, and the others stay",
    (cost) => {
      const found = shares(all, { [cost]: "even" });
      for (const key of ["idle", "unobserved", "unattributed", "agent"])
        expect(found[key]?.[2]).toBe(
          key === cost ? Number(all.find((c) => c.line === key)?.ownNanos) : 0,
        );
    },
  );
});

describe("idle time while somebody held the device", () => {
  const held = [
    cell("user:a", 100),
    cell("idle:user:a", 50),
    cell("idle:user:c", 60),
    cell("idle", 30),
  ];

  it("makes who held it an owner, who bears as one", () => {
    expect(shares(held, { idleFree: "even" })).toEqual({
      // a has 15, over 100 used and 50 held; c has 15.
      "user:a": [10, 0, 0, 110],
      "idle:user:a": [5, 0, 0, 55],
      "idle:user:c": [15, 0, 0, 75],
      idle: [0, 0, 30, 0],
    });
  });

  it("is shared as free idle time where the policy says so, and its holder is no owner by it", () => {
    expect(shares(held, { idleHeld: "shared", idleFree: "even" })).toEqual({
      "user:a": [140, 0, 0, 240],
      "idle:user:a": [0, 0, 50, 0],
      "idle:user:c": [0, 0, 60, 0],
      idle: [0, 0, 30, 0],
    });
    expect(shares(held, { idleHeld: "shared" })["idle:user:a"]).toEqual([0, 0, 0, 50]);
  });
});

describe("overhead", () => {
  const cells = [
    cell("user:a", 300, { overheadNanos: 30n }),
    cell("user:b", 100, { overheadNanos: 10n }),
    cell("idle", 80, { overheadNanos: 8n }),
  ];

  it("stays with what gave rise to it, or is shared, all of it", () => {
    expect(shares(cells, {})).toMatchObject({ "user:a": [0, 30, 0, 330], idle: [0, 8, 0, 88] });
    expect(shares(cells, { overhead: "even" })).toEqual({
      "user:a": [0, 24, 0, 324],
      "user:b": [0, 24, 0, 124],
      idle: [0, 0, 0, 80],
    });
    expect(shares(cells, { overhead: "proportional" })).toMatchObject({
      "user:a": [0, 36, 0, 336],
      "user:b": [0, 12, 0, 112],
    });
  });
});

describe("for any cells and policy", () => {
  const KEYS = [
    "user:a",
    "user:b",
    "job:slurm:1",
    "idle:user:a",
    "idle:user:z",
    "idle",
    "unobserved",
    "unattributed",
    "agent",
  ];
  const amount = fc.bigInt({ min: 0n, max: 10n ** 18n });
  const cells = fc.uniqueArray(
    fc.record({
      line: fc.constantFrom("1", "2", "3", "4"),
      ownerKey: fc.constantFrom(...KEYS),
      timeMs: amount,
      timeExact: amount,
      ownNanos: amount,
      overheadNanos: amount,
    }),
    { selector: ({ line, ownerKey }) => `${line} ${ownerKey}`, minLength: 1, maxLength: 20 },
  );
  const policies = fc.record({
    idleHeld: fc.constantFrom("holder" as const, "shared" as const),
    ...Object.fromEntries(SHARED_COSTS.map((cost) => [cost, fc.constantFrom(...SHARINGS)])),
  });
  const total = (of: Iterable<bigint>): bigint => [...of].reduce((acc, each) => acc + each, 0n);

  it("nothing is lost, given is shared, and no line bears less than nothing", () => {
    fc.assert(
      fc.property(cells, policies, (all, over) => {
        const lines = [...allocate(all, policy(over)).values()];
        expect(total(lines.map((each) => each.totalNanos))).toBe(
          total(all.map((each) => each.ownNanos + each.overheadNanos)),
        );
        expect(total(lines.map((each) => each.sharedNanos))).toBe(
          total(lines.map((each) => each.givenNanos)),
        );
        for (const each of lines)
          for (const nanos of Object.values(each)) expect(nanos).toBeGreaterThanOrEqual(0n);
      }),
    );
  });

  it("an owner bears the same however the lines are drawn", () => {
    fc.assert(
      fc.property(cells, policies, (all, over) => {
        const apart = all.map((each) => ({ ...each, line: `${each.ownerKey} ${each.line}` }));
        const together = new Map<string, OwnerCell>();
        for (const { ownerKey, ...each } of all) {
          const sum = together.get(ownerKey) ?? cell(ownerKey, 0);
          for (const key of ["timeMs", "timeExact", "ownNanos", "overheadNanos"] as const)
            sum[key] += each[key];
          together.set(ownerKey, sum);
        }
        const fine = [...allocate(apart, policy(over))];
        const coarse = allocate([...together.values()], policy(over));
        for (const bearer of ["user:a", "user:b", "user:z", "job:slurm:1"]) {
          const own = new Set([bearer, `idle:${bearer}`]);
          const isOwn = (line: string) => own.has(line.split(" ")[0] ?? "");
          const borne = (of: Iterable<[string, { totalNanos: bigint }]>) =>
            total([...of].flatMap(([line, { totalNanos }]) => (isOwn(line) ? [totalNanos] : [])));
          expect(borne(fine)).toBe(borne(coarse));
        }
      }),
    );
  });
});
