import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LedgerBatch } from "../../../src/ledger/contract.ts";
import { coverage } from "../../../src/ledger/rollup/coverage.ts";
import { usage } from "../../../src/ledger/rollup/usage.ts";
import { HOUR_MS } from "../../../src/model/hour.ts";
import { splitInteger } from "../../../src/model/split.ts";
import { gpu, slice } from "../fixtures/make.ts";
import { pruned, rawLedger, verified } from "./support.ts";

const GPUS = ["GPU-a", "GPU-b"];
const MINUTE_MS = 60_000;

const drawn = fc.record({
  gpu: fc.constantFrom(...GPUS),
  gapMinutes: fc.constantFrom(0, 0, 0, 7, 90),
  lengthMinutes: fc.constantFrom(1, 7, 10, 45, 90),
  owners: fc.array(fc.constantFrom("alice", "bob", "carol"), { minLength: 1, maxLength: 3 }),
  energyMj: fc.option(fc.integer({ min: 0, max: 1e9 }), { nil: undefined }),
  newBatch: fc.boolean(),
});

type Drawn = typeof drawn extends fc.Arbitrary<infer T> ? T : never;

/** Batches whose windows of one device are in order, also across the hours. */
function batchesOf(all: readonly Drawn[]): LedgerBatch[] {
  const ends = new Map<string, number>();
  const batches: LedgerBatch[] = [{ gpus: GPUS.map((uuid, index) => gpu(uuid, { index })) }];
  let slices: ReturnType<typeof slice>[] = [];
  for (const [
    n,
    { gpu: gpuUuid, gapMinutes, lengthMinutes, owners, energyMj, newBatch },
  ] of all.entries()) {
    const fromMs = (ends.get(gpuUuid) ?? 0) + gapMinutes * MINUTE_MS;
    const toMs = fromMs + lengthMinutes * MINUTE_MS;
    ends.set(gpuUuid, toMs);
    const times = splitInteger(
      toMs - fromMs,
      owners.map((_, i) => ({ key: `${i}`, weight: i + 1 })),
    );
    slices.push(
      ...owners.map((id, i) =>
        slice({
          gpuUuid,
          fromMs,
          toMs,
          owner: { kind: "user", id: `${id}-${i}` },
          timeMs: times[i] ?? 0,
          energyMj,
          evidence: [{ family: "host", feature: "n", value: n % 5, text: `${n % 5}`, weights: {} }],
        }),
      ),
    );
    if (!newBatch) continue;
    batches.push({ slices });
    slices = [];
  }
  return [...batches, { slices }];
}

const END_MS = 40 * HOUR_MS;
const hours = Array.from({ length: END_MS / HOUR_MS + 1 }, (_, i) => i * HOUR_MS);

describe("a removal of old detail", () => {
  it("changes no sum of whole hours, nor the total of any window, and what is left verifies", () => {
    fc.assert(
      fc.property(
        fc.array(drawn, { minLength: 1, maxLength: 30 }),
        fc.array(fc.integer({ min: 0, max: END_MS }), { minLength: 1, maxLength: 3 }),
        fc.tuple(fc.integer({ min: 0, max: END_MS }), fc.integer({ min: 0, max: END_MS })),
        (all, times, [a, b]) => {
          const { db, append } = rawLedger();
          for (const batch of batchesOf(all)) append(batch);
          const odd = [...new Set([0, a, b, END_MS])].sort((x, y) => x - y);
          const total = (): unknown => totals(usage(db, [0, END_MS]));
          const before = [usage(db, hours), coverage(db, { fromMs: 0, toMs: END_MS }), total()];
          expect(verified(db)).toBeUndefined();
          for (const atMs of times) {
            pruned(db, atMs);
            expect([usage(db, hours), coverage(db, { fromMs: 0, toMs: END_MS }), total()]).toEqual(
              before,
            );
            expect(totals(usage(db, odd))).toEqual(before[2]);
            expect(verified(db)).toBeUndefined();
          }
          db.close();
        },
      ),
      { numRuns: 30 },
    );
  });
});

/** Time and energy of all intervals together, owner by owner. */
function totals(intervals: ReturnType<typeof usage>): unknown {
  const sums = new Map<string, [number, number]>();
  for (const { rows } of intervals)
    for (const { gpuUuid, ownerKey, timeMs, energyMj } of rows) {
      const key = `${gpuUuid} ${ownerKey}`;
      const [time, energy] = sums.get(key) ?? [0, 0];
      sums.set(key, [time + timeMs, energy + energyMj]);
    }
  return [...sums].filter(([, [time, energy]]) => time + energy > 0).sort();
}
