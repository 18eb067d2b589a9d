import fc from "fast-check";
import type { KnownGpu } from "../../src/ledger/contract.ts";
import { LABELS } from "../../src/model/label.ts";
import type { Slice } from "../../src/model/slice.ts";
import { splitInteger } from "../../src/model/split.ts";
import { MemoryLedger } from "./memory-ledger.ts";
import { gpu, slice } from "./slices.ts";

export const MODELS = ["NVIDIA H100", "NVIDIA A100"];

export const OWNERS = [
  "user:a",
  "user:b",
  "container:c",
  "agent",
  "unattributed",
  "idle",
  "idle:user:a",
  "idle:container:z",
  "unobserved",
];

/** One device's window: absent (a hole), or shares by weight that fill it. */
const shares = fc.option(
  fc.uniqueArray(
    fc.record({
      owner: fc.constantFrom(...OWNERS),
      label: fc.constantFrom(...LABELS),
      weight: fc.integer({ min: 1, max: 100 }),
      energyMj: fc.option(fc.nat({ max: 1e7 }), { nil: undefined }),
      idleShare: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
    }),
    { selector: (share) => share.owner, minLength: 1, maxLength: 4 },
  ),
  { nil: undefined, freq: 4 },
);

type Shares = NonNullable<typeof shares extends fc.Arbitrary<infer T> ? T : never>;

/** Where the windows of a random ledger lie. */
export interface Grid {
  baseMs: number;
  windowMs: number;
  windows: number;
}

export interface RandomLedger {
  ledger: MemoryLedger;
  gpus: readonly KnownGpu[];
  slices: readonly Slice[];
}

function windowSlices(uuid: string, fromMs: number, windowMs: number, of: Shares): Slice[] {
  const parts = splitInteger(
    windowMs,
    of.map(({ owner: key, weight }) => ({ key, weight })),
  );
  return of.map(({ owner, label, energyMj, idleShare }, i) =>
    slice(uuid, fromMs, fromMs + windowMs, owner, label, {
      timeMs: parts[i] ?? 0,
      energyMj,
      idleEnergyMj:
        energyMj === undefined || idleShare === undefined
          ? undefined
          : Math.floor(energyMj * idleShare),
    }),
  );
}

/** Up to three devices, each seen first somewhere in the first half of the windows. */
export function randomLedgers({ baseMs, windowMs, windows }: Grid): fc.Arbitrary<RandomLedger> {
  const device = fc.record({
    firstSeen: fc.nat({ max: (windowMs * windows) / 2 }),
    model: fc.constantFrom(...MODELS),
    all: fc.array(shares, { minLength: windows, maxLength: windows }),
  });
  return fc.array(device, { minLength: 1, maxLength: 3 }).map((devices) => {
    const gpus: KnownGpu[] = [];
    const slices: Slice[] = [];
    for (const [index, { firstSeen, model, all }] of devices.entries()) {
      const uuid = `GPU-${index}`;
      gpus.push(gpu(uuid, { index, model, firstSeenMs: baseMs + firstSeen }));
      for (const [i, of] of all.entries())
        if (of && (i + 1) * windowMs > firstSeen)
          slices.push(...windowSlices(uuid, baseMs + i * windowMs, windowMs, of));
    }
    return { ledger: new MemoryLedger({ gpus, slices }), gpus, slices };
  });
}
