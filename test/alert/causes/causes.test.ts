import { describe, expect, it } from "vitest";
import { causesOf } from "../../../src/alert/causes/causes.ts";
import type { PastIncident } from "../../../src/alert/causes/recurrence.ts";
import type { ContextObservation } from "../../../src/model/observation.ts";
import { at, context, incident, process, questionOf, scenesOf } from "./scene.ts";

describe.each(scenesOf("rome.yaml"))("$name", (scene) => {
  const causes = causesOf(questionOf(scene));
  const ids = causes.map((cause) => cause.context.id);

  it("names what explains it", () => {
    if (scene.first !== undefined) expect(ids[0]).toBe(scene.first);
    if (scene.order)
      expect(ids.filter((id) => scene.order?.includes(id ?? ""))).toEqual(scene.order);
    if (scene.firstScoreAtLeast !== undefined)
      expect(causes[0]?.score).toBeGreaterThanOrEqual(scene.firstScoreAtLeast);
    if (scene.firstScoreAtMost !== undefined)
      expect(causes[0]?.score).toBeLessThanOrEqual(scene.firstScoreAtMost);
    for (const none of scene.never) expect(ids.slice(0, 3)).not.toContain(none);
  });

  it("gives reasons with numbers, and says that it is no proof", () => {
    for (const { reasons, score } of causes) {
      expect(score).toBeGreaterThan(0);
      expect(score).toBeLessThanOrEqual(1);
      expect(reasons[0]).toMatch(/\d/);
      expect(reasons.at(-1)).toMatch(/no proof/);
    }
  });
});

describe("the reasons", () => {
  const question = {
    incident: incident(),
    atMs: at(60),
    processes: [process(900, -10, { comm: "x\u001b[31m", lineage: [{ pid: 880 }, { pid: 1 }] })],
    past: [],
  };
  const reasonsFor = (one: ContextObservation): string[] => [
    ...(causesOf({ ...question, contexts: [one] })[0]?.reasons ?? []),
  ];

  it("say how long before, and of which process, escaped", () => {
    const reasons = reasonsFor(context(-14.2, 5, { tool: "bash", pids: [880] }));
    expect(reasons[0]).toBe(
      "It began 4.2 s before process 900 (x\\u{1b}[31m) started, and was going on then.",
    );
    expect(reasons[1]).toBe("It names process 880, one step above process 900.");
  });

  it("say what the clock was off by", () => {
    const reasons = reasonsFor(context(-14, 5, { tool: "bash", skewMs: -3_600_000 }));
    expect(reasons.join(" ")).toContain("clock was about 60 min behind");
  });

  it("do not take the first process of all for kin", () => {
    expect(reasonsFor(context(-14, 5, { tool: "bash", pids: [1] }))[1]).toMatch(/none/);
  });

  it("name the container that speaks against it", () => {
    const elsewhere = context(-14, 5, { tool: "bash", container: "bbbbbbbbbbbb" });
    expect(reasonsFor(elsewhere)[1]).toMatch(/another than the owner/);
  });

  it.each([
    ["the same, longer", "aaaaaaaaaaaa0123456789", true],
    ["a shorter one than engines print", "aaaaaaaa", false],
    ["a name", "sandbox-1", false],
  ])("know the owner's container: %s", (_name, container, isSame) => {
    const reasons = reasonsFor(context(-14, 5, { tool: "bash", container }));
    expect(reasons[1]?.endsWith(", the owner.")).toBe(isSame);
  });

  it("find a run, a session and an episode in the owner's name, if they are long enough", () => {
    const of = (one: ContextObservation): string | undefined =>
      causesOf({
        ...question,
        processes: [],
        incident: incident({ ownerKey: "job:slurm/4711" }),
        contexts: [one],
      })[0]?.reasons[1];
    expect(of(context(-4, 5, { run: "4711" }))).toMatch(/run 4711 is in the owner's name/);
    expect(of(context(-4, 5, { run: "47" }))).toMatch(/only time/);
  });
});

describe("recurrence", () => {
  const always = context(-9000, undefined, { id: "always", service: "rollout" });
  const culprit = context(-4, 2, { id: "culprit", tool: "make", service: "rollout" });
  const other = context(-4, 2, { id: "other", tool: "read", service: "rollout" });
  const pastOf = (count: number, tools: string[]): PastIncident[] =>
    Array.from({ length: count }, (_, i) => ({
      incident: incident({ id: `past-${i}` }),
      causes: tools.map((tool) => ({
        context: { fromMs: 0, tool, service: "rollout" },
        score: 0.5,
        reasons: [],
      })),
    }));
  const ask = (past: PastIncident[], contexts = [always, culprit, other]) =>
    causesOf({ incident: incident(), atMs: at(60), processes: [], contexts, past });
  const scoreOf = (causes: ReturnType<typeof ask>, id: string): number =>
    causes.find((cause) => cause.context.id === id)?.score ?? 0;

  it("raises what was there each time, and says how often", () => {
    const before = ask([]);
    const after = ask(pastOf(3, ["make"]));
    expect(scoreOf(before, "culprit")).toBe(scoreOf(before, "other"));
    expect(scoreOf(after, "culprit")).toBeGreaterThan(scoreOf(after, "other"));
    expect(after[0]?.reasons.join(" ")).toMatch(
      /Tool make was also on when 3 of 3 earlier incidents began, and during 1 % or less/,
    );
  });

  it("raises no service that always runs, however many incidents it was there at", () => {
    expect(scoreOf(ask(pastOf(50, ["make"])), "always")).toBe(scoreOf(ask([]), "always"));
  });

  it("raises nothing that is on about as often anyway", () => {
    const busy = Array.from({ length: 30 }, (_, i) =>
      context(-3600 + 120 * i, -3540 + 120 * i, { id: `m${i}`, tool: "make" }),
    );
    const contexts = [always, culprit, ...busy];
    expect(scoreOf(ask(pastOf(3, ["make"]), contexts), "culprit")).toBe(
      scoreOf(ask([], contexts), "culprit"),
    );
  });

  it("grows with the number of incidents, and does not count this one", () => {
    const scores = [0, 1, 3, 10].map((count) => scoreOf(ask(pastOf(count, ["make"])), "culprit"));
    expect(scores).toEqual([...scores].sort((a, b) => a - b));
    expect(new Set(scores).size).toBe(scores.length);
    const itself = pastOf(1, ["make"]).map((each) => ({ ...each, incident: incident() }));
    expect(scoreOf(ask(itself), "culprit")).toBe(scores[0]);
  });

  it("does not count what explained nothing then", () => {
    const weak = pastOf(5, ["make"]).map(({ causes, ...rest }) => ({
      ...rest,
      causes: causes.map((cause) => ({ ...cause, score: 0.05 })),
    }));
    expect(scoreOf(ask(weak), "culprit")).toBe(scoreOf(ask([]), "culprit"));
  });
});

describe("what is narrower", () => {
  it("explains more than what is wider, all else equal", () => {
    const levels = [
      { service: "s", run: "r", session: "c", episode: "e", tool: "t" },
      { service: "s", run: "r", session: "c", episode: "e" },
      { service: "s", run: "r", session: "c" },
      { service: "s", run: "r" },
      { service: "s" },
    ];
    const contexts = levels.map((names, i) => context(-4, 9, { id: String(i), ...names }));
    const causes = causesOf({
      incident: incident(),
      atMs: at(60),
      processes: [],
      contexts,
      past: [],
    });
    expect(causes.map((cause) => cause.context.id)).toEqual(["0", "1", "2", "3", "4"]);
  });
});

describe("the worked example of docs/run-context.md", () => {
  it("comes to what is written there", () => {
    const own = "aaaaaaaaaaaa";
    const causes = causesOf({
      incident: incident(),
      atMs: at(120),
      processes: [process(900, -14, { lineage: [{ pid: 880 }] })],
      contexts: [
        context(-15.2, -13, { id: "call", tool: "bash", pids: [880] }),
        context(-16, 60, { id: "elsewhere", tool: "bash", container: "bbbbbbbbbbbb" }),
        context(-900, undefined, { id: "episode", episode: "17", container: own }),
        context(-864_000, undefined, { id: "service", service: "rollout" }),
      ],
      past: [],
    });
    expect(
      causes.map(({ context: { id }, score }) => [id, Math.round(score * 1000 + 0.01) / 1000]),
    ).toEqual([
      ["call", 0.82],
      ["episode", 0.166],
      ["elsewhere", 0.146],
      ["service", 0.038],
    ]);
  });
});

describe("a tie", () => {
  it("is settled by what is said, not by who was given first", () => {
    const contexts = ["a", "b", "c"].map((tool) => context(-4, 9, { tool }));
    const ask = (given: ContextObservation[]) =>
      causesOf({
        incident: incident(),
        atMs: at(60),
        processes: [],
        contexts: given,
        past: [],
      }).map((cause) => cause.context.tool);
    expect(ask(contexts.toReversed())).toEqual(ask(contexts));
  });
});
