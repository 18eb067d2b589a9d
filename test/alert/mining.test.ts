import { describe, expect, test } from "vitest";
import { endOf, engine, HOST, play, type Scene, START_MS, windowFacts } from "./facts.ts";

const short = (changes: ReturnType<typeof play>): string[] =>
  changes.map(({ at, action, severity }) => `${action} ${severity} @${at}`);

describe("a mining incident opens", () => {
  test("when mining-like windows add up to the dwell, and not one window before", () => {
    expect(short(play(engine(), "m".repeat(11)))).toEqual([]);
    expect(short(play(engine(), "m".repeat(12)))).toEqual(["opened notice @11"]);
  });

  test("however the time is cut up: interruptions neither reset nor hide the sum", () => {
    expect(short(play(engine(), "mmmmmmtmmmmmo.m"))).toEqual(["opened notice @14"]);
  });

  test("for a duty cycle of one window in eight, but not of one in nine", () => {
    expect(short(play(engine(), "m.......".repeat(12)))).toEqual(["opened notice @88"]);
    expect(short(play(engine(), "m........".repeat(40)))).toEqual([]);
  });

  test.each(["t", ".", "?", "o", "w"])("not for %s, however long", (scene) => {
    expect(play(engine(), scene.repeat(300))).toEqual([]);
  });

  test("per owner: two owners with half the dwell each open nothing", () => {
    const subject = engine();
    const facts = Array.from({ length: 22 }, (_, i) =>
      windowFacts("m", i, i % 2 === 0 ? "user:alice" : "user:bob"),
    );
    expect(facts.flatMap((window) => subject.observe(window))).toEqual([]);
    expect(subject.open().map(({ state, ownerKey }) => `${state} ${ownerKey}`)).toEqual([
      "pending user:alice",
      "pending user:bob",
    ]);
  });

  test("for an owner beside another one on the same device, whose share is small", () => {
    const subject = engine();
    const changes = Array.from({ length: 12 }, (_, i) => {
      const mine = windowFacts("x", i).map((fact) => ({ ...fact, timeMs: 500 }));
      const training = windowFacts("t", i, "user:bob").map((fact) => ({ ...fact, timeMs: 9500 }));
      return subject.observe([...training, ...mine]);
    }).flat();
    expect(changes.map(({ incident }) => incident.ownerKey)).toEqual(["user:alice"]);
  });

  test("once, when the same slices come twice", () => {
    const subject = engine();
    const facts = Array.from({ length: 8 }, (_, i) => windowFacts("m", i)).flat();
    expect(subject.observe([...facts, ...facts])).toEqual([]);
    expect(subject.observe(facts)).toEqual([]);
  });

  test("with its start, its evidence for and against, and who it is about", () => {
    const [opened] = engine().observe(
      Array.from({ length: 12 }, (_, i) => windowFacts("m", i)).flat(),
    );
    expect(opened?.incident).toMatchObject({
      rule: "mining",
      state: "firing",
      node: "node-1",
      gpuUuid: "GPU-a",
      ownerKey: "user:alice",
      startedAtMs: START_MS,
      firedAtMs: endOf(11),
      simulated: false,
      title: "Mining-like work by user:alice on GPU GPU-a of node-1",
    });
    expect(opened?.incident.evidence.map(({ feature }) => feature)).toEqual([
      "intActive",
      "tensorActive",
    ]);
    expect(opened?.incident.summary).toContain("Mining-like for 2 min");
  });

  test("marked as simulated where no real device was measured", () => {
    const facts = Array.from({ length: 12 }, (_, i) => windowFacts("m", i)).flat();
    const [opened] = engine().observe(facts.map((fact) => ({ ...fact, simulated: true })));
    expect(opened?.incident.simulated).toBe(true);
    expect(opened?.incident.title).toMatch(/^\[simulated\]/);
  });

  test("with a title that no owner's name can break", () => {
    const facts = Array.from({ length: 12 }, (_, i) =>
      windowFacts("m", i, "user:\u202Ea\n\u001B"),
    ).flat();
    expect(engine().observe(facts)[0]?.incident.title).toContain("user:\\u{202e}a\\u{a}\\u{1b}");
  });
});

describe("severity", () => {
  test.each([
    ["m", "notice"],
    ["x", "warning"],
    ["h", "critical"],
  ])("of windows of kind %s is %s", (scene, severity) => {
    expect(short(play(engine(), scene.repeat(12)))).toEqual([`opened ${severity} @11`]);
  });

  test("is critical when the families agree in different windows", () => {
    expect(short(play(engine(), "mmmmmmxxxxxx"))).toEqual(["opened critical @11"]);
  });

  test("rises at once when a second family agrees, and does not fall again", () => {
    const changes = play(engine(), `${"m".repeat(13)}h${"m".repeat(200)}`);
    expect(short(changes)).toEqual(["opened notice @11", "updated critical @13"]);
    expect(changes[0]?.id).toBe(changes[1]?.id);
  });

  test("is not raised by host facts that speak against mining", () => {
    const subject = engine();
    play(subject, "m".repeat(12));
    const harmless = { ...HOST, weights: { "mining-like": 1, "training-like": 3 } };
    const facts = windowFacts("m", 12).map((fact) => ({
      ...fact,
      evidence: [...fact.evidence, harmless],
    }));
    expect(subject.observe(facts)).toEqual([]);
  });
});

describe("a mining incident is resolved", () => {
  const fired = "m".repeat(12);

  test("after the clear time without mining, and not one window before", () => {
    expect(short(play(engine(), fired + "t".repeat(29)))).toEqual(["opened notice @11"]);
    expect(short(play(engine(), fired + "t".repeat(30)))).toEqual([
      "opened notice @11",
      "resolved notice @41",
    ]);
  });

  test("when the owner is gone and the device is seen idle", () => {
    expect(short(play(engine(), fired + ".".repeat(30))).at(-1)).toBe("resolved notice @41");
  });

  test("with a word on time in which the work could not be named", () => {
    const resolved = play(engine(), `${fired}??????${".".repeat(24)}`).at(-1);
    expect(resolved?.action).toBe("resolved");
    expect(resolved?.summary).toContain("In 1 min of it the work could not be named");
  });

  test("not by weak suspicion, which counts neither way", () => {
    expect(short(play(engine(), fired + "w".repeat(200)))).toEqual(["opened notice @11"]);
    expect(short(play(engine(), `${fired}${"t".repeat(15)}w${"t".repeat(15)}`)).at(-1)).toBe(
      "resolved notice @42",
    );
  });

  test("later, when it mines again before the clear time is over", () => {
    expect(short(play(engine(), `${fired}${"t".repeat(29)}m${"t".repeat(30)}`)).at(-1)).toBe(
      "resolved notice @71",
    );
  });

  test("never by silence, which is said once", () => {
    const changes = play(engine(), fired + "o".repeat(300));
    expect(short(changes)).toEqual(["opened notice @11", "updated notice @71"]);
    expect(changes[1]?.summary).toContain("no data is not all clear");
  });

  test("and a new one opens under a new id only after a full dwell", () => {
    const once = fired + ".".repeat(30);
    const changes = play(engine(), once + once);
    expect(short(changes)).toEqual([
      "opened notice @11",
      "resolved notice @41",
      "opened notice @53",
      "resolved notice @83",
    ]);
    expect(new Set(changes.map(({ id }) => id)).size).toBe(2);
  });
});

describe("ticks", () => {
  test("say that a device with an open incident fell silent, and resolve nothing", () => {
    const subject = engine();
    play(subject, "m".repeat(12));
    const said = Array.from({ length: 1000 }, (_, i) => subject.tick(endOf(11 + i))).flat();
    expect(said.map(({ action }) => action)).toEqual(["updated"]);
    expect(said[0]?.incident.summary).toContain(new Date(endOf(11)).toISOString());
    expect(subject.open().map(({ state }) => state)).toEqual(["firing"]);
  });

  test("say nothing where there is no incident", () => {
    const subject = engine();
    play(subject, "m".repeat(11));
    expect(Array.from({ length: 1000 }, (_, i) => subject.tick(endOf(11 + i))).flat()).toEqual([]);
    expect(subject.open()).toEqual([]);
  });

  test("after which late windows still resolve, with times that only grow", () => {
    const subject = engine();
    play(subject, "m".repeat(12));
    const [silent] = subject.tick(endOf(1000));
    const scenes: Scene[] = Array.from({ length: 30 }, () => ".");
    const [resolved] = scenes.flatMap((scene, i) => subject.observe(windowFacts(scene, 12 + i)));
    expect(resolved?.action).toBe("resolved");
    expect(resolved?.incident.updatedAtMs).toBeGreaterThan(silent?.incident.updatedAtMs ?? 0);
  });
});

test("updates that raise nothing keep their distance", () => {
  const subject = engine();
  play(subject, "m".repeat(12));
  const changes = Array.from({ length: 200 }, (_, i) => {
    const evidence = { ...HOST, family: "telemetry" as const, feature: `feature${i}` };
    return subject.observe(
      windowFacts("m", 12 + i).map((fact) => ({ ...fact, evidence: [evidence] })),
    );
  }).flat();
  const times = changes.map(({ incident }) => incident.updatedAtMs - endOf(11));
  expect(times).toEqual([600_000, 1_200_000, 1_800_000]);
});

test("slices older than what is kept are dropped and counted", () => {
  const subject = engine();
  play(subject, ".", 1000);
  expect(subject.observe(windowFacts("m", 0))).toEqual([]);
  expect(subject.drops).toBe(1);
});
