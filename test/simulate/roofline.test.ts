import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEVICE_MODELS, type DeviceModel } from "../../src/simulate/device-models.ts";
import { type Kernel, only } from "../../src/simulate/kernel.ts";
import { CLOCK_STEP_MHZ, operatingAt, operatingOf } from "../../src/simulate/operating.ts";
import { PIPES, RESOURCES } from "../../src/simulate/resources.ts";

const models = fc.constantFrom(...DEVICE_MODELS.values());
const amount = fc.double({ min: 1, max: 1e4, noNaN: true });
const kernels = fc
  .record({
    tensor16: amount,
    int32: amount,
    fp32: amount,
    dram: amount,
    smShare: fc.double({ min: 0.5, max: 1, noNaN: true }),
    efficiency: fc.double({ min: 0.3, max: 1, noNaN: true }),
  })
  .map(({ smShare, efficiency, ...work }): Kernel => ({
    name: "any",
    work,
    smShare,
    efficiency,
    occupancy: 0.5,
    launch: { seconds: 1e-3, grid: [1, 1, 1], block: [1, 1, 1] },
  }));

function free(model: DeviceModel): Parameters<typeof operatingOf>[1] {
  return { model, powerLimitWatts: model.powerLimitWatts, maxClockMHz: model.maxClockMHz };
}

describe("a kernel under the roof", () => {
  it("takes no more than the whole of any resource, and the binding one to its efficiency", () => {
    fc.assert(
      fc.property(models, kernels, (model, kernel) => {
        const at = operatingAt(only(kernel), model, model.maxClockMHz);
        for (const resource of RESOURCES) expect(at.use[resource]).toBeLessThanOrEqual(1 + 1e-9);
        // Of what the filled multiprocessors can reach, the most that is taken is the efficiency.
        const shares = RESOURCES.map((each) =>
          PIPES.has(each) ? at.use[each] / kernel.smShare : at.use[each],
        );
        expect(Math.max(...shares)).toBeCloseTo(kernel.efficiency, 6);
      }),
    );
  });

  it("is bound by the resource of which it needs the largest share", () => {
    const model = DEVICE_MODELS.get("a100-80gb");
    if (!model) throw new Error("built in");
    const bound = (work: Kernel["work"]): string => {
      const kernel = { ...sample, work };
      const { use } = operatingAt(only(kernel), model, model.maxClockMHz);
      return RESOURCES.toSorted((a, b) => use[b] - use[a])[0] ?? "";
    };
    expect(bound({ dram: 100, fp32: 1 })).toBe("dram");
    expect(bound({ dram: 1, fp32: 100 })).toBe("fp32");
    expect(bound({ tensor16: 1e4, dram: 1 })).toBe("tensor16");
  });

  it("is never slowed by more bandwidth, but for one step of a clock under a power limit", () => {
    fc.assert(
      fc.property(
        models,
        kernels,
        fc.double({ min: 1, max: 4, noNaN: true }),
        (model, kernel, more) => {
          const wide = { ...model, peaks: { ...model.peaks, dram: model.peaks.dram * more } };
          const before = operatingOf(only(kernel), free(model));
          const after = operatingOf(only(kernel), free(wide));
          const step = CLOCK_STEP_MHZ / before.clockMHz;
          expect(after.unitsPerSecond).toBeGreaterThanOrEqual(
            before.unitsPerSecond * (1 - 2 * step),
          );
        },
      ),
    );
  });

  it("bound by memory runs as fast as its bandwidth grows", () => {
    const model = DEVICE_MODELS.get("t4");
    if (!model) throw new Error("built in");
    const kernel = only({ ...sample, work: { dram: 1000, int32: 1 } });
    const wide = { ...model, peaks: { ...model.peaks, dram: model.peaks.dram * 2 } };
    const [slow, fast] = [operatingOf(kernel, free(model)), operatingOf(kernel, free(wide))];
    expect(fast.unitsPerSecond / slow.unitsPerSecond).toBeCloseTo(2, 6);
  });

  it("draws no more than the limit, at the highest clock that keeps to it", () => {
    fc.assert(
      fc.property(
        models,
        kernels,
        fc.double({ min: 0.3, max: 1, noNaN: true }),
        (model, kernel, cap) => {
          const room = (model.powerLimitWatts - model.restWatts - model.contextWatts) * cap;
          const powerLimitWatts = model.restWatts + model.contextWatts + room;
          const at = operatingOf(only(kernel), { ...free(model), powerLimitWatts });
          expect(at.watts).toBeLessThanOrEqual(room + 1e-9);
          if (!at.capped || at.clockMHz + CLOCK_STEP_MHZ > model.maxClockMHz) return;
          const higher = operatingAt(only(kernel), model, at.clockMHz + CLOCK_STEP_MHZ);
          expect(higher.watts).toBeGreaterThan(room);
        },
      ),
    );
  });
});

const sample: Kernel = {
  name: "any",
  work: {},
  smShare: 1,
  occupancy: 0.5,
  efficiency: 0.9,
  launch: { seconds: 1e-3, grid: [1, 1, 1], block: [1, 1, 1] },
};
