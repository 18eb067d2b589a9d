import fc from "fast-check";
import { LABELS } from "../../src/model/label.ts";
import type { Slice } from "../../src/model/slice.ts";
import { splitInteger } from "../../src/model/split.ts";
import { MemoryLedger } from "./memory-ledger.ts";
import { gpu, slice } from "./slices.ts";

export const LEDGER_WINDOW_MS = 1000;
const WINDOWS = 8;
export const LEDGER_END_MS = LEDGER_WINDOW_MS * WINDOWS;
const MODELS = ["NVIDIA H100", "NVIDIA A100"];

/** Two devices with windows that are absent, or filled by shares of these owners. */
export function anyLedger(
  owners: readonly string[],
  more: (key: string) => Partial<Slice> = () => ({}),
): fc.Arbitrary<MemoryLedger> {
  const share = fc.record({
    owner: fc.constantFrom(...owners),
    label: fc.constantFrom(...LABELS),
    weight: fc.integer({ min: 1, max: 100 }),
    energyMj: fc.option(fc.nat({ max: 1e7 }), { nil: undefined }),
  });
  const shares = fc.option(
    fc.uniqueArray(share, { selector: (each) => each.owner, minLength: 1, maxLength: 4 }),
    { nil: undefined },
  );
  const windows = fc.array(shares, { minLength: WINDOWS, maxLength: WINDOWS });
  return fc.tuple(windows, windows).map((devices) => {
    const gpus = devices.map((_, index) =>
      gpu(`GPU-${index}`, { index, model: MODELS[index] ?? "" }),
    );
    const slices = devices.flatMap((all, index) =>
      all.flatMap((parts, at) => {
        const claims = (parts ?? []).map(({ owner, weight }) => ({ key: owner, weight }));
        const times = parts ? splitInteger(LEDGER_WINDOW_MS, claims) : [];
        return (parts ?? []).map(({ owner, label, energyMj }, i) =>
          slice(`GPU-${index}`, at * LEDGER_WINDOW_MS, (at + 1) * LEDGER_WINDOW_MS, owner, label, {
            timeMs: times[i] ?? 0,
            energyMj,
            ...more(owner),
          }),
        );
      }),
    );
    return new MemoryLedger({ gpus, slices });
  });
}
