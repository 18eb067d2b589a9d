import { describe, expect, test } from "vitest";
import { interleave, type Timed } from "../../bench/kernels/interleave.ts";

/** A clock that only work moves. */
function bench() {
  let seconds = 0;
  const order: string[] = [];
  const contender =
    (name: string, each: () => number): Timed =>
    async (count) => {
      order.push(name);
      for (let i = 0; i < count; i++) seconds += each();
    };
  return { now: () => seconds, order, contender };
}

describe("contenders that are timed in turn", () => {
  test("are told in seconds a run and as multiples of the first, round by round", async () => {
    const { now, contender } = bench();
    const runs = [contender("a", () => 0.01), contender("b", () => 0.04)];
    const [a, b] = await interleave(runs, { rounds: 5, roundSeconds: 0.1, now });
    expect(a?.seconds.median).toBeCloseTo(0.01);
    expect(a?.ratio).toEqual({ median: 1, min: 1, max: 1 });
    expect(b?.seconds.median).toBeCloseTo(0.04);
    expect(b?.ratio.median).toBeCloseTo(4);
  });

  test("each begin a round in their turn", async () => {
    const { now, order, contender } = bench();
    const runs = ["a", "b", "c"].map((name) => contender(name, () => 1));
    await interleave(runs, { rounds: 3, roundSeconds: 0.1, now });
    expect(order.slice(-9).join("")).toBe("abcbcacab");
  });

  test("keep their ratio when the whole machine becomes slower from round to round", async () => {
    let load = 1;
    const { now, contender } = bench();
    const slowing = (each: number) =>
      contender("", () => {
        load *= 1.001;
        return each * load;
      });
    const [, b] = await interleave([slowing(1), slowing(3)], { rounds: 9, roundSeconds: 0.5, now });
    expect(b?.ratio.median).toBeCloseTo(3, 1);
  });

  test("run once a round at least, however long that takes", async () => {
    const { now, order, contender } = bench();
    await interleave([contender("a", () => 100)], { rounds: 2, roundSeconds: 0.1, now });
    expect(order).toHaveLength(4);
  });
});
