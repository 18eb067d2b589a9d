import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { SliceFact } from "../../src/alert/facts.ts";
import type { IncidentChange, IncidentEngine } from "../../src/alert/incidents.ts";
import type { Incident } from "../../src/model/incident.ts";
import { endOf, engine, type Scene, windowFacts } from "./facts.ts";

/** Short times, so that sequences of some tens of windows go through every state. */
const QUICK = {
  dwellMs: 30_000,
  clearMs: 40_000,
  lookBackMs: 90_000,
  updateEveryMs: 50_000,
  silenceMs: 20_000,
};

type Step = { facts: SliceFact[] } | { tickMs: number };

const scenes = fc.array(
  fc.record({
    scene: fc.constantFrom<Scene>("m", "m", "h", "x", "w", "t", "?", ".", "o"),
    times: fc.integer({ min: 1, max: 9 }),
    owner: fc.constantFrom("user:alice", "user:bob"),
    gap: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 40 })),
    ticks: fc.boolean(),
  }),
  { minLength: 1, maxLength: 16 },
);

const steps = scenes.map((runs) => {
  const out: Step[] = [];
  let index = 0;
  for (const { scene, times, owner, gap, ticks } of runs) {
    for (let i = 0; i < gap; i += 1, index += 1) if (ticks) out.push({ tickMs: endOf(index) });
    for (let i = 0; i < times; i += 1, index += 1) {
      out.push({ facts: windowFacts(scene, index, owner) });
      if (ticks) out.push({ tickMs: endOf(index) });
    }
  }
  return out;
});

function run(subject: IncidentEngine, sequence: readonly Step[]): IncidentChange[] {
  return sequence.flatMap((step) =>
    "facts" in step ? subject.observe(step.facts) : subject.tick(step.tickMs),
  );
}

/** What the ledger would hand back: newest states, and the slices of the newest past. */
function stored(
  subject: IncidentEngine,
  done: readonly Step[],
  changes: readonly IncidentChange[],
) {
  const incidents = new Map<string, Incident>();
  for (const { incident } of changes) incidents.set(incident.id, incident);
  const facts = done.flatMap((step) => ("facts" in step ? step.facts : []));
  const newestMs = Math.max(0, ...facts.map((fact) => fact.window.toMs));
  const kept = facts.filter((fact) => fact.window.toMs > newestMs - subject.retentionMs);
  return { incidents: [...incidents.values()], facts: kept };
}

test("every incident opens once, first; is resolved at most once, last; and its times only grow", () => {
  fc.assert(
    fc.property(steps, (sequence) => {
      const byId = new Map<string, IncidentChange[]>();
      for (const change of run(engine(QUICK), sequence)) {
        const { id } = change.incident;
        byId.set(id, [...(byId.get(id) ?? []), change]);
      }
      for (const changes of byId.values()) {
        expect(changes.map(({ action }) => action).indexOf("opened")).toBe(0);
        expect(changes.filter(({ action }) => action === "opened")).toHaveLength(1);
        const ends = changes.flatMap(({ action }, i) => (action === "resolved" ? [i] : []));
        expect(ends.length === 0 || (ends.length === 1 && ends[0] === changes.length - 1)).toBe(
          true,
        );
        const times = changes.map(({ incident }) => incident.updatedAtMs);
        expect(times.every((time, i) => i === 0 || time > (times[i - 1] ?? 0))).toBe(true);
        const ranks = changes.map(({ incident }) =>
          ["notice", "warning", "critical"].indexOf(incident.severity),
        );
        expect(ranks.every((rank, i) => i === 0 || rank >= (ranks[i - 1] ?? 0))).toBe(true);
      }
    }),
    { numRuns: 400 },
  );
});

test("one owner of one device never has two incidents open at a time", () => {
  const mostOpen = (sequence: readonly Step[]): number => {
    const open = new Map<string, number>();
    let most = 0;
    for (const { action, incident } of run(engine(QUICK), sequence)) {
      const about = `${incident.gpuUuid} ${incident.ownerKey}`;
      const step = { opened: 1, updated: 0, resolved: -1 }[action];
      open.set(about, (open.get(about) ?? 0) + step);
      most = Math.max(most, ...open.values());
    }
    return most;
  };
  fc.assert(fc.property(steps, (sequence) => mostOpen(sequence) < 2));
  expect(mostOpen([..."mmm"].map((_, i) => ({ facts: windowFacts("m", i) })))).toBe(1);
});

test("a restart anywhere changes nothing of what follows", () => {
  fc.assert(
    fc.property(steps, fc.nat(), (sequence, seed) => {
      const cut = seed % (sequence.length + 1);
      const [done, rest] = [sequence.slice(0, cut), sequence.slice(cut)];
      const steady = engine(QUICK);
      const before = run(steady, done);
      const restarted = engine(QUICK);
      const { incidents, facts } = stored(steady, done, before);
      restarted.restore(incidents, facts);
      // the newest tick comes again: it makes both forget the same long silent devices
      const tickMs = Math.max(0, ...done.map((step) => ("tickMs" in step ? step.tickMs : 0)));
      expect(restarted.tick(tickMs)).toEqual(steady.tick(tickMs));
      expect(restarted.open()).toEqual(steady.open());
      expect(run(restarted, rest)).toEqual(run(steady, rest));
    }),
    { numRuns: 600 },
  );
});

test("how slices are batched changes nothing, as long as windows stay whole", () => {
  fc.assert(
    fc.property(steps, (sequence) => {
      const facts = sequence.flatMap((step) => ("facts" in step ? step.facts : []));
      const whole = engine(QUICK).observe(facts);
      const single = engine(QUICK);
      expect(facts.flatMap((fact) => single.observe([fact]))).toEqual(whole);
    }),
    { numRuns: 100 },
  );
});
