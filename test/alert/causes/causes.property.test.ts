import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CauseQuestion, causesOf } from "../../../src/alert/causes/causes.ts";
import type { ContextObservation } from "../../../src/model/observation.ts";
import { at, context, incident, process } from "./scene.ts";

const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });
const names = fc.constantFrom("a", "b", "c");

const contexts: fc.Arbitrary<ContextObservation> = fc
  .record({
    from: fc.integer({ min: -7200, max: 100 }),
    length: maybe(fc.integer({ min: 0, max: 7200 })),
    tool: maybe(names),
    episode: maybe(names),
    service: maybe(names),
    container: maybe(fc.constantFrom("aaaaaaaaaaaa", "bbbbbbbbbbbb", "sandbox-1")),
    pids: maybe(fc.subarray([1, 700, 880, 900, 5000])),
    skewMs: maybe(fc.constantFrom(5000, -5000)),
    id: maybe(fc.constantFrom("x", "y", "z", "u", "v", "w")),
  })
  .map(({ from, length, ...rest }) => {
    const given = Object.entries(rest).filter(([, value]) => value !== undefined);
    return context(
      from,
      length === undefined ? undefined : from + length,
      Object.fromEntries(given),
    );
  });

const processes = fc.array(
  fc.record({ pid: fc.constantFrom(900, 901, 902), start: fc.integer({ min: -3000, max: 20 }) }),
  { maxLength: 4 },
);
const pasts = fc.array(
  fc.record({
    id: fc.constantFrom("p", "q", "i-1"),
    tools: fc.array(names),
    score: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  { maxLength: 4 },
);

const questions = fc
  .record({ given: fc.array(contexts, { maxLength: 18 }), processes, pasts })
  .map(({ given, processes: seen, pasts: past }): CauseQuestion => {
    const distinct = new Map(past.map((each) => [each.id, each]));
    return {
      incident: incident(),
      atMs: at(120),
      contexts: given,
      processes: seen.map(({ pid, start }) =>
        process(pid, start, {
          lineage: [{ pid: 880, startTimeMs: at(-3000) }, { pid: 700 }, { pid: 1 }],
        }),
      ),
      past: [...distinct.values()].map(({ id, tools, score }) => ({
        incident: incident({ id }),
        causes: tools.map((tool) => ({ context: { fromMs: 0, tool }, score, reasons: [] })),
      })),
    };
  });

const scoreOf = (question: CauseQuestion, one: ContextObservation): number => {
  const { kind: _, atMs: __, ...plain } = one;
  const found = causesOf(question).find((cause) => {
    return (
      JSON.stringify(Object.entries(cause.context).sort()) ===
      JSON.stringify(Object.entries(plain).sort())
    );
  });
  return found?.score ?? 0;
};

describe("a ranking", () => {
  it("is the same in whatever order things are given", () => {
    const shuffled = questions.chain((question) =>
      fc.record({
        question: fc.constant(question),
        contexts: fc.shuffledSubarray([...question.contexts], {
          minLength: question.contexts.length,
        }),
        processes: fc.shuffledSubarray([...question.processes], {
          minLength: question.processes.length,
        }),
        past: fc.shuffledSubarray([...question.past], { minLength: question.past.length }),
      }),
    );
    fc.assert(
      fc.property(shuffled, ({ question, ...other }) => {
        expect(causesOf({ ...question, ...other })).toEqual(causesOf(question));
      }),
      { numRuns: 300 },
    );
  });

  it("is sorted, on its scale, and never longer than what was given", () => {
    fc.assert(
      fc.property(questions, (question) => {
        const causes = causesOf(question);
        const scores = causes.map(({ score }) => score);
        expect(scores).toEqual([...scores].sort((a, b) => b - a));
        for (const score of scores) expect(score >= 0.02 && score <= 1).toBe(true);
        expect(causes.length).toBeLessThanOrEqual(Math.min(20, question.contexts.length));
      }),
    );
  });

  it("never lowers what went on for longer, up to now", () => {
    const longer = fc.tuple(questions, contexts, fc.integer({ min: 0, max: 9000 }));
    fc.assert(
      fc.property(longer, ([question, plain, more]) => {
        const { id: _, toMs = plain.fromMs, ...one } = plain;
        // Nothing past: how often a tool is on at all is another matter than when it was.
        const alone = (of: ContextObservation) =>
          scoreOf({ ...question, contexts: [of], past: [] }, of);
        const short = { ...one, toMs: Math.min(toMs, question.atMs) };
        const long = { ...one, toMs: Math.min(toMs + more * 1000, question.atMs) };
        expect(alone(long)).toBeGreaterThanOrEqual(alone(short));
        expect(alone(one)).toBeGreaterThanOrEqual(alone(long));
      }),
      { numRuns: 400 },
    );
  });

  it("is not moved by what has nothing to do with it", () => {
    const irrelevant = fc.array(
      fc.record({ from: fc.integer({ min: -90_000, max: -8000 }), name: fc.integer() }),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(questions, irrelevant, (question, more) => {
        const others = more.map(({ from, name }) =>
          context(from, from + 60, {
            id: `irrelevant-${name}`,
            tool: `t-${name}`,
            service: `s-${name}`,
          }),
        );
        const causes = causesOf({ ...question, contexts: [...question.contexts, ...others] });
        const kept = causes.filter((cause) => !cause.context.id?.startsWith("irrelevant"));
        expect(kept).toEqual(causesOf(question));
      }),
      { numRuns: 300 },
    );
  });
});
