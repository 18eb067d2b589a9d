import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Cost, RESOURCES, type Resource } from "../../src/model/calibration.ts";
import { type RatedKernel, rooflineOf } from "../../src/model/roofline.ts";

function kernel(over: Partial<RatedKernel>): RatedKernel {
  return { kernel: "k", family: "hash", unit: "hash/s", ratePerSecond: 1, ...over };
}

const ceiling = (measures: Resource, ratePerSecond: number): RatedKernel =>
  kernel({
    kernel: `of ${measures}`,
    family: "alu",
    measures,
    cost: { [measures]: 1 },
    ratePerSecond,
  });

const INT = ceiling("int32-op", 1000);
const MEMORY = ceiling("memory-byte", 500);

const boundOf = (measured: RatedKernel, ...others: RatedKernel[]) => {
  const last = rooflineOf([...others, measured]).kernels.at(-1);
  if (!last) throw new Error("no kernel");
  return last.bound;
};

describe("ceilings", () => {
  it("are the rates of the kernels that measure them, in the order of the resources", () => {
    const { ceilings } = rooflineOf([MEMORY, kernel({ ratePerSecond: 9e9 }), INT]);
    expect(ceilings).toEqual([
      { resource: "int32-op", perSecond: 1000, kernel: "of int32-op" },
      { resource: "memory-byte", perSecond: 500, kernel: "of memory-byte" },
    ]);
  });

  it("count the resource, where a unit of the rate is not one of it", () => {
    const triad = kernel({ measures: "f32-flop", cost: { "f32-flop": 2 }, ratePerSecond: 7 });
    expect(rooflineOf([triad]).ceilings[0]?.perSecond).toBe(14);
  });

  it("are the higher of two that measure one resource", () => {
    const faster = { ...INT, kernel: "another", ratePerSecond: 1001 };
    for (const both of [
      [INT, faster],
      [faster, INT],
    ])
      expect(rooflineOf(both).ceilings).toEqual([
        { resource: "int32-op", perSecond: 1001, kernel: "another" },
      ]);
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("are not made of a rate of %d", (rate) => {
    expect(rooflineOf([{ ...INT, ratePerSecond: rate }]).ceilings).toEqual([]);
  });
});

describe("a kernel's bound", () => {
  it("is the ceiling that allows least of its work", () => {
    const cost = { "int32-op": 10, "memory-byte": 4 };
    const measured = kernel({ cost, ratePerSecond: 60 });
    expect(boundOf(measured, INT, MEMORY)).toEqual({
      attainablePerSecond: 100,
      resource: "int32-op",
      fraction: 0.6,
      aboveCeiling: false,
      isCeiling: false,
      missing: [],
    });
    const heavier = kernel({ cost: { ...cost, "memory-byte": 6 }, ratePerSecond: 60 });
    expect(boundOf(heavier, INT, MEMORY)).toMatchObject({ resource: "memory-byte" });
  });

  it("names a ceiling that nobody measured, for it could be the lower one", () => {
    const measured = kernel({ cost: { "int32-op": 10, "gather-byte": 4 }, ratePerSecond: 60 });
    expect(boundOf(measured, INT)).toMatchObject({ fraction: 0.6, missing: ["gather-byte"] });
  });

  it("is not known where none of its ceilings was measured, or its cost is not told", () => {
    const unknown = { aboveCeiling: false, isCeiling: false };
    const hash = kernel({ cost: { "int32-op": 10 } });
    expect(boundOf(hash, MEMORY)).toEqual({ ...unknown, missing: ["int32-op"] });
    expect(boundOf(kernel({}), INT, MEMORY)).toEqual({ ...unknown, missing: [] });
    expect(boundOf(kernel({ cost: { "int32-op": 0 } }), INT)).toEqual({ ...unknown, missing: [] });
  });

  it("is not clamped, and says that the kernel is above it", () => {
    const at = (ratePerSecond: number) =>
      boundOf(kernel({ cost: { "int32-op": 10 }, ratePerSecond }), INT);
    expect(at(100)).toMatchObject({ fraction: 1, aboveCeiling: false });
    expect(at(101)).toMatchObject({ fraction: 1.01, aboveCeiling: true });
  });

  it("is a kernel's own rate where it is the ceiling, and only there", () => {
    expect(boundOf(INT, MEMORY)).toMatchObject({ fraction: 1, isCeiling: true });
    expect(boundOf({ ...INT, cost: undefined })).toMatchObject({ fraction: 1, isCeiling: true });
    const slower = { ...INT, kernel: "slower", ratePerSecond: 900 };
    expect(boundOf(slower, INT)).toMatchObject({ fraction: 0.9, isCeiling: false });
  });
});

describe("arithmetic intensity", () => {
  const place = (cost: Cost | undefined) =>
    rooflineOf([kernel({ cost, ratePerSecond: 3 })]).kernels[0];

  it("is all operations over all bytes of device memory", () => {
    expect(
      place({
        "int32-op": 10,
        "f32-flop": 2,
        "memory-byte": 2,
        "gather-byte": 4,
        "shared-byte": 99,
      }),
    ).toMatchObject({ operationsPerSecond: 36, operationsPerByte: 2 });
  });

  it("is absent where work takes no device memory, or no arithmetic is counted", () => {
    expect(place({ "int32-op": 10, "shared-byte": 4 })).toMatchObject({
      operationsPerSecond: 30,
      operationsPerByte: undefined,
    });
    expect(place({ "memory-byte": 1 })).toMatchObject({
      operationsPerSecond: undefined,
      operationsPerByte: undefined,
    });
    expect(place(undefined)?.operationsPerByte).toBeUndefined();
  });
});

const amounts = fc.double({ min: 1e-3, max: 1e6, noNaN: true });
const resources = fc.constantFrom(...RESOURCES);
const costs = fc
  .array(fc.tuple(resources, amounts), { maxLength: 4 })
  .map((entries): Cost => Object.fromEntries(entries));
const rates = fc.double({ min: 1, max: 1e15, noNaN: true });
const devices = fc
  .tuple(
    fc.array(fc.record({ cost: costs, ratePerSecond: rates }), { maxLength: 6 }),
    fc.uniqueArray(fc.tuple(resources, rates), { selector: ([resource]) => resource }),
  )
  .map(([works, limits]) => [
    ...works.map((work, i) => kernel({ kernel: `work ${i}`, ...work })),
    ...limits.map(([resource, rate]) => ceiling(resource, rate)),
  ]);

describe("every roofline", () => {
  it("tells each resource of a kernel as a limit or as missing", () => {
    fc.assert(
      fc.property(devices, (kernels) => {
        const { ceilings, kernels: all } = rooflineOf(kernels);
        for (const { measured, bound } of all) {
          const { cost = {}, ratePerSecond } = measured;
          const used = RESOURCES.filter((resource) => cost[resource] !== undefined);
          const known = ceilings.filter(({ resource }) => used.includes(resource));
          expect(bound.missing).toEqual(
            used.filter((each) => !known.some(({ resource }) => resource === each)),
          );
          const limits = known.map((each) => each.perSecond / (cost[each.resource] ?? 0));
          expect(bound.attainablePerSecond).toBe(limits.length ? Math.min(...limits) : undefined);
          expect(bound.fraction === undefined).toBe(known.length === 0);
          if (bound.fraction !== undefined && bound.attainablePerSecond !== undefined)
            expect(bound.fraction * bound.attainablePerSecond).toBeCloseTo(ratePerSecond, -6);
        }
      }),
    );
  });

  it("is the same for a device that is faster at everything alike", () => {
    fc.assert(
      fc.property(devices, (kernels) => {
        const twice = kernels.map((each) => ({ ...each, ratePerSecond: 2 * each.ratePerSecond }));
        const bounds = (of: readonly RatedKernel[]) =>
          rooflineOf(of).kernels.map(({ bound }) => ({ ...bound, attainablePerSecond: undefined }));
        expect(bounds(twice)).toEqual(bounds(kernels));
      }),
    );
  });

  it("never makes a kernel look worse for a ceiling that is taken away", () => {
    fc.assert(
      fc.property(devices, resources, (kernels, gone) => {
        const fewer = kernels.filter(({ measures }) => measures !== gone);
        for (const { measured, bound } of rooflineOf(fewer).kernels) {
          const whole = boundOf(measured, ...kernels);
          expect(bound.fraction ?? 0).toBeLessThanOrEqual(whole.fraction ?? 0);
          if (bound.fraction !== whole.fraction) expect(bound.missing).toContain(gone);
        }
      }),
    );
  });
});
