import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AGENT, IDLE, UNATTRIBUTED, UNOBSERVED } from "../../src/model/owner.ts";
import type { Share, ShareBasis } from "../../src/model/slice.ts";
import { activityBounds, bleed, BOUNDED_ACTIVITIES } from "../../src/signature/bleed.ts";

const share = (id: string, timeMs: number, basis: ShareBasis = "process-utilization"): Share => ({
  owner: { kind: "user", id },
  timeMs,
  basis,
  pids: [],
});
const of = (features: Parameters<typeof bleed>[0], ...shares: Share[]) =>
  Object.fromEntries(bleed(features, shares));

describe("what exclusion says of one owner", () => {
  it("is nearly the device's for who had nearly all of it, and nothing of the rest", () => {
    const found = of({ intActive: 0.6 }, share("eve", 9500), share("bob", 500));
    expect(found["user:eve"]?.intActive).toBeCloseTo(0.6, 1);
    expect(found["user:bob"]).toEqual({});
  });

  it("is zero for everybody where the device shows none", () => {
    const found = of({ tensorActive: 0, fp64Active: 0.001 }, share("a", 5000), share("b", 5000));
    expect(found).toEqual({
      "user:a": { tensorActive: 0, fp64Active: expect.closeTo(0.001, 2) },
      "user:b": { tensorActive: 0, fp64Active: expect.closeTo(0.001, 2) },
    });
  });

  it("is nothing in between: either may have done all of it", () => {
    const found = of({ intActive: 0.5 }, share("a", 5000), share("b", 5000));
    expect(found).toEqual({ "user:a": {}, "user:b": {} });
  });

  it("is nothing where an edge of a bin lies between the bounds", () => {
    const features = { tensorActive: 0.02 };
    const shares = [share("a", 6000), share("b", 4000)];
    expect(bleed(features, shares).get("user:a")?.tensorActive).toBeDefined();
    const edges = { tensorActive: [0.01, 0.1] };
    expect(bleed(features, shares, edges).get("user:a")).toEqual({});
    expect(bleed(features, shares, { tensorActive: [0.1] }).get("user:a")).not.toEqual({});
  });

  it("is the device's own value for who had it to himself, however that was found", () => {
    const features = {
      intActive: 0.613,
      tensorActive: 0.2,
      fp64Active: 0,
      dramActive: 0.5,
      nvlinkLevel: 0.3,
    };
    const { nvlinkLevel, ...units } = features;
    for (const basis of ["process-utilization", "sole-process", "no-process-source"] as const)
      expect(
        of(features, share("a", 3000, basis), share("a", 2000, basis), {
          ...share("", 5000),
          owner: IDLE,
        }),
      ).toEqual({ "user:a": units });
    expect(nvlinkLevel).toBeGreaterThan(0);
  });

  it("counts the agent and the unattributed as others, and rest and holes as nobody", () => {
    const unattributed = { ...share("", 400, "nobody-seen"), owner: UNATTRIBUTED };
    const agent = { ...share("", 400, "own-measurement"), owner: AGENT };
    const nobody = [
      { ...share("", 3000), owner: UNOBSERVED },
      { ...share("", 2000), owner: IDLE },
    ];
    const found = of({ intActive: 0.6 }, share("a", 4200), unattributed, agent, ...nobody);
    expect(found).toEqual({ "user:a": {}, unattributed: {} });
    expect(of({ intActive: 0.6 }, share("a", 4200), ...nobody)).toEqual({
      "user:a": { intActive: 0.6 },
    });
    expect(of({ intActive: 0.6 }, { ...share("", 9), owner: IDLE })).toEqual({});
  });

  it("is nothing where a share was guessed", () => {
    for (const basis of ["memory-held", "equal-split", "no-process-source"] as const)
      expect(of({ intActive: 0 }, share("a", 5000), share("b", 5000, basis))).toEqual({});
    expect(of({ intActive: 0 }, share("a", 5000), share("b", 5000))).not.toEqual({});
  });

  it("is nothing of the memory where another device may have filled its time", () => {
    const shares = [share("a", 9000), share("b", 1000)];
    expect(of({ dramActive: 0 }, ...shares)["user:a"]).toEqual({ dramActive: 0 });
    expect(of({ dramActive: 0, nvlinkLevel: 0.2 }, ...shares)["user:a"]).toEqual({});
  });
});

describe("any mixture of owners who take turns", () => {
  const owner = fc.record({
    ms: fc.integer({ min: 1, max: 10_000 }),
    rate: fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true })),
  });
  const mixture = fc.array(owner, { minLength: 1, maxLength: 5 });
  const total = (owners: readonly { ms: number }[]) => owners.reduce((sum, { ms }) => sum + ms, 0);
  const device = (owners: readonly { ms: number; rate: number }[]) =>
    owners.reduce((sum, { ms, rate }) => sum + (ms / total(owners)) * rate, 0);

  it("has each owner's true activity within the bounds", () => {
    fc.assert(
      fc.property(mixture, (owners) => {
        for (const { ms, rate } of owners) {
          const own = ms / total(owners);
          const { lower, upper } = activityBounds(device(owners), own, 1 - own);
          expect(own * rate).toBeGreaterThanOrEqual(lower - 1e-9);
          expect(own * rate).toBeLessThanOrEqual(upper + 1e-9);
        }
      }),
    );
  });

  it("names no value further than half an interval from the truth, though shares are read inexactly", () => {
    let named = 0;
    const misread = fc.double({ min: -0.0199, max: 0.0199, noNaN: true });
    fc.assert(
      fc.property(mixture, misread, (owners, error) => {
        const [first, second] = owners;
        // Time booked to the wrong one of two owners.
        const moved = Math.round(error * total(owners));
        const booked = owners.map((each, i) => each.ms + (i === 0 ? moved : i === 1 ? -moved : 0));
        fc.pre(!second || ((booked[0] ?? 0) > 0 && (booked[1] ?? 0) > 0));
        const times = second ? booked : [first?.ms ?? 1];
        const features = Object.fromEntries(
          BOUNDED_ACTIVITIES.map((each) => [each, device(owners)]),
        );
        const found = bleed(
          features,
          times.map((ms, i) => share(String(i), ms)),
        );
        owners.forEach(({ rate }, i) => {
          for (const value of Object.values(found.get(`user:${i}`) ?? {})) {
            named += 1;
            expect(Math.abs((value ?? Number.NaN) - rate)).toBeLessThanOrEqual(0.05 + 1e-4);
          }
        });
      }),
      { numRuns: 2000 },
    );
    expect(named).toBeGreaterThan(500);
  });
});
