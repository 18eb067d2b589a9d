import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { shortHash } from "../../src/alert/signing.ts";
import { StoryIndex } from "../../src/alert/stories/story-index.ts";
import { countedOnce, storyText, storyTotals } from "../../src/alert/stories/totals.ts";
import type { Incident } from "../../src/model/incident.ts";
import type { OwnerFacts } from "../../src/model/owner.ts";
import { incident as incidentOf } from "./messages.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const T0 = 1_772_452_800_000;

/** An incident of an hour that began so many days after the first. */
function incident(id: string, days: number, over: Partial<Incident> = {}): Incident {
  const startedAtMs = T0 + days * DAY_MS;
  const resolvedAtMs = startedAtMs + HOUR_MS;
  const usage = { untilMs: resolvedAtMs, gpuMs: HOUR_MS, energyMj: 1000, energyUnmeasuredMs: 0 };
  const times = { startedAtMs, updatedAtMs: resolvedAtMs, firedAtMs: startedAtMs + 1000 };
  return incidentOf({ id, ...times, resolvedAtMs, state: "resolved", usage, ...over });
}

const cause = (score: number, context: object): Pick<Incident, "causes"> => ({
  causes: [{ score, reasons: [], context: { fromMs: 0, ...context } }],
});

function joined(
  incidents: readonly Incident[],
  facts: Readonly<Record<string, OwnerFacts>> = {},
): string[][] {
  const index = new StoryIndex(incidents, (key) => facts[key], shortHash);
  return index.stories().map((story) => story.incidents.map(({ id }) => id));
}

describe("a story joins", () => {
  test("incidents of one owner over days, and not those of another", () => {
    const other = incident("c", 2, { ownerKey: "user:bob" });
    expect(joined([incident("a", 0), incident("b", 3), other])).toEqual([["a", "b"]]);
  });

  test("a month without a sign at the most", () => {
    const hourDays = 1 / 24;
    expect(joined([incident("a", 0), incident("b", 30 + hourDays)])).toHaveLength(1);
    expect(joined([incident("a", 0), incident("b", 30.01 + hourDays)])).toEqual([]);
  });

  test.each(["user:root", "unattributed", "user:nobody"])(
    "%s only where it happens at once: many share it",
    (ownerKey) => {
      const [first, later] = [incident("a", 0, { ownerKey }), incident("b", 3, { ownerKey })];
      expect(joined([first, later])).toEqual([]);
      const beside = incident("c", 0.02, { ownerKey, rule: "tunnel" });
      expect(joined([first, beside, later])).toEqual([["a", "c"]]);
      const elsewhere = incident("d", 0.02, { ownerKey, node: "node-2" });
      expect(joined([first, elsewhere])).toEqual([]);
    },
  );

  test("containers of one image, of one account, or of one login behind a shared account", () => {
    const pair = [
      incident("a", 0, { ownerKey: "container:1" }),
      incident("b", 3, { ownerKey: "container:2" }),
    ];
    const joinedWith = (facts: OwnerFacts) =>
      joined(pair, { "container:1": facts, "container:2": facts }).length;
    expect(joinedWith({})).toBe(0);
    expect(joinedWith({ user: "root" })).toBe(0);
    expect(joinedWith({ image: "rollouts:7" })).toBe(1);
    expect(joinedWith({ user: "alice" })).toBe(1);
    expect(joinedWith({ user: "root", loginUser: "alice" })).toBe(1);
  });

  test("what the best cause names, if it explains enough", () => {
    const pair = (score: number, context: object): Incident[] => [
      incident("a", 0, { ownerKey: "container:1", ...cause(score, context) }),
      incident("b", 3, { ownerKey: "container:2", ...cause(score, context) }),
    ];
    const agent = { service: "rl", agent: "rollout" };
    expect(joined(pair(0.6, agent))).toHaveLength(1);
    expect(joined(pair(0.59, agent))).toEqual([]);
    expect(joined(pair(0.9, { session: "s-1" }))).toHaveLength(1);
    expect(joined(pair(0.9, { image: "rollouts:7" }))).toHaveLength(1);
    expect(joined(pair(0.9, { tool: "bash" }))).toEqual([]);
    expect(joined(pair(0.9, { tool: "bash", service: "rl" }))).toHaveLength(1);
  });

  test("no budgets: money that was spent is no deed", () => {
    expect(joined([incident("a", 0), incident("b", 1, { rule: "budget-day" })])).toEqual([]);
  });

  test("two stories that one incident has both keys of, under the older name", () => {
    const index = new StoryIndex(
      [
        incident("a", 0),
        incident("b", 1, { story: "sto_old" }),
        incident("c", 2, { ownerKey: "user:bob", ...cause(1, { session: "s" }) }),
        incident("d", 3, { ownerKey: "user:bob", story: "sto_new" }),
        incident("e", 4, cause(1, { session: "s" })),
      ],
      () => undefined,
      shortHash,
    );
    const [story] = index.stories();
    expect(story?.incidents.map(({ id }) => id)).toEqual(["a", "b", "c", "d", "e"]);
    expect(story?.id).toBe("sto_old");
    index.remove("b");
    expect(index.storyOf("e")?.id).toBe("sto_new");
  });
});

describe("totals", () => {
  test("are sums of incidents, and of those that speak of the same time only one", () => {
    const story = {
      id: "sto_1",
      incidents: [
        incident("a", 0),
        incident("b", 3),
        incident("c", 3.01, { rule: "tunnel", gpuUuid: undefined, firedAtMs: T0 + 4 * DAY_MS }),
        incident("d", 3, { gpuUuid: "GPU-b" }),
      ],
    };
    expect(storyTotals(story)).toEqual({
      count: 4,
      firstMs: T0,
      lastMs: T0 + 3.01 * DAY_MS,
      gpuMs: 3 * HOUR_MS,
      energyMj: 3000,
      energyUnmeasuredMs: 0,
    });
    expect(storyText(story, "c")).toBe(
      "4th incident of this story in 4 days, 3.0 GPU-hours, 0.00 kWh",
    );
    expect(storyText(story, "a")).toMatch(/^1st of 4 incidents of this story in 4 days/);
  });

  test("have no energy where none was measured", () => {
    const usage = { untilMs: T0, gpuMs: 5, energyUnmeasuredMs: 5 };
    const incidents = [incident("a", 0, { usage }), incident("b", 2, { usage })];
    expect(storyTotals({ incidents }).energyMj).toBeUndefined();
    expect(storyText({ id: "s", incidents }, "b")).not.toContain("kWh");
  });
});

const arbitrary = fc.uniqueArray(
  fc.record({
    id: fc.integer({ min: 0, max: 30 }).map((n) => `inc_${n}`),
    days: fc.integer({ min: 0, max: 90 }),
    ownerKey: fc.constantFrom("user:alice", "user:root", "container:1", "container:2", "job:s:1"),
    agent: fc.option(fc.constantFrom("x", "y"), { nil: undefined }),
    rule: fc.constantFrom("mining", "tunnel"),
    gpuMs: fc.nat(1_000_000),
  }),
  { selector: ({ id }) => id, maxLength: 14 },
);
type Row = typeof arbitrary extends fc.Arbitrary<infer T> ? T : never;
const made = (rows: Row): Incident[] =>
  rows.map(({ id, days, ownerKey, agent, rule, gpuMs }) =>
    incident(id, days, {
      ownerKey,
      rule,
      usage: { untilMs: 0, gpuMs, energyUnmeasuredMs: gpuMs },
      ...(agent === undefined ? {} : cause(0.9, { service: "s", agent })),
    }),
  );
const FACTS: Readonly<Record<string, OwnerFacts>> = {
  "container:1": { image: "img:1" },
  "container:2": { image: "img:1" },
};

test("are the same in whatever order incidents come, and however often", () => {
  fc.assert(
    fc.property(arbitrary, fc.infiniteStream(fc.nat()), (rows, random) => {
      const incidents = made(rows);
      const shuffled = incidents
        .map((each) => ({ each, at: random.next().value ?? 0 }))
        .sort((a, b) => a.at - b.at)
        .map(({ each }) => each);
      const index = new StoryIndex([...shuffled, ...shuffled], (key) => FACTS[key], shortHash);
      const reference = new StoryIndex(incidents, (key) => FACTS[key], shortHash);
      expect(index.stories()).toEqual(reference.stories());
    }),
    { numRuns: 300 },
  );
});

test("part incidents: none is in two, and every member finds the same story", () => {
  fc.assert(
    fc.property(arbitrary, (rows) => {
      const index = new StoryIndex(made(rows), (key) => FACTS[key], shortHash);
      const seen = new Set<string>();
      for (const story of index.stories()) {
        expect(story.incidents.length).toBeGreaterThan(1);
        for (const { id } of story.incidents) {
          expect(seen.has(id)).toBe(false);
          seen.add(id);
          expect(index.storyOf(id)).toEqual(story);
        }
      }
    }),
    { numRuns: 200 },
  );
});

test("keep their name while they grow, and what was once joined stays joined", () => {
  fc.assert(
    fc.property(arbitrary, (rows) => {
      const ordered = made(rows).sort((a, b) => a.startedAtMs - b.startedAtMs);
      const index = new StoryIndex([], (key) => FACTS[key], shortHash);
      const names = new Map<string, string>();
      for (const each of ordered) {
        index.put(each, (key) => FACTS[key]);
        const story = index.storyOf(each.id);
        if (!story) continue;
        index.put({ ...each, story: story.id }, (key) => FACTS[key]);
        // Two that grow together take the older's name, which one of them had before.
        const before = story.incidents.flatMap(({ id }) => names.get(id) ?? []);
        expect(before.length === 0 || before.includes(story.id)).toBe(true);
        names.set(each.id, story.id);
        expect(index.storyOf(each.id)?.id).toBe(story.id);
      }
    }),
    { numRuns: 200 },
  );
});

test("totals never count more than there is, nor less than any one of the story", () => {
  fc.assert(
    fc.property(arbitrary, (rows) => {
      const index = new StoryIndex(made(rows), (key) => FACTS[key], shortHash);
      for (const story of index.stories()) {
        const all = story.incidents.map(({ usage }) => usage?.gpuMs ?? 0);
        const { gpuMs } = storyTotals(story);
        expect(gpuMs).toBeLessThanOrEqual(all.reduce((a, b) => a + b, 0));
        expect(gpuMs).toBeGreaterThanOrEqual(Math.max(...all));
        expect(countedOnce(countedOnce(story.incidents))).toEqual(countedOnce(story.incidents));
      }
    }),
    { numRuns: 200 },
  );
});
