import { describe, expect, test } from "vitest";
import type { SliceFact } from "../../src/alert/facts.ts";
import { IncidentEngine, type IncidentEngineSettings } from "../../src/alert/incidents.ts";
import { shortHash } from "../../src/alert/signing.ts";
import type { Evidence } from "../../src/model/evidence.ts";
import { HOST, START_MS, TELEMETRY, TUNNEL, WINDOW_MS } from "./facts.ts";

const sign = (feature: string, over: Partial<Evidence> = {}): Evidence => ({
  family: "network",
  feature,
  value: 4242,
  text: `process 4242: ${feature}`,
  weights: {},
  ...over,
});
const POOL = sign("poolConnection", { weights: { "mining-like": 4 } });

/** Every rule at its default dwell; mining itself out of the way. */
function engine(over: Partial<IncidentEngineSettings> = {}): IncidentEngine {
  return new IncidentEngine({ mining: { minConfidence: 1 }, hash: shortHash, ...over });
}

function fact(index: number, over: Partial<SliceFact> = {}): SliceFact {
  const fromMs = START_MS + index * WINDOW_MS;
  return {
    node: "node-1",
    gpuUuid: "GPU-a",
    ownerKey: "user:alice",
    window: { fromMs, toMs: fromMs + WINDOW_MS },
    timeMs: WINDOW_MS,
    basis: "sole-process",
    label: "training-like",
    confidence: 0.9,
    evidence: [],
    simulated: false,
    ...over,
  };
}

/** Says what changed when: `opened tunnel notice @5` at the end of the 6th window. */
function play(subject: IncidentEngine, windows: readonly SliceFact[][], first = 0): string[] {
  return windows.flatMap((window, i) =>
    subject
      .observe(window)
      .map(
        ({ action, incident }) => `${action} ${incident.rule} ${incident.severity} @${first + i}`,
      ),
  );
}

const run = (count: number, over: Partial<SliceFact>, first = 0): SliceFact[][] =>
  Array.from({ length: count }, (_, i) => [fact(first + i, over)]);

const hidden = { ownerKey: "unattributed", basis: "nobody-seen", label: "unknown" } as const;

describe("hidden use", () => {
  test("opens after five minutes of busy time that nobody explains, and not a window before", () => {
    expect(play(engine(), run(29, hidden))).toEqual([]);
    expect(play(engine(), run(30, hidden))).toEqual(["opened hidden-use warning @29"]);
  });

  test("counts the time itself, not the windows it lies in", () => {
    const half = { ...hidden, timeMs: 5000 };
    expect(play(engine(), run(59, half))).toEqual([]);
    expect(play(engine(), run(60, half))).toEqual(["opened hidden-use warning @59"]);
  });

  test("is told of a process that the driver names and the host lacks", () => {
    expect(play(engine(), run(30, { ...hidden, basis: "hidden-process" }))).toHaveLength(1);
  });

  test.each(["no-process-source", "partial-list"] as const)("is never told of %s", (basis) => {
    expect(play(engine(), run(300, { ...hidden, basis }))).toEqual([]);
  });

  test("is never told of slivers between two scans, nor of anybody who was seen", () => {
    expect(play(engine(), run(400, { ...hidden, timeMs: 499 }))).toEqual([]);
    expect(play(engine(), run(300, { ...hidden, ownerKey: "user:bob" }))).toEqual([]);
  });

  test("is not cleared while nothing looks at processes", () => {
    const subject = engine();
    play(subject, run(30, hidden));
    expect(play(subject, run(60, { ...hidden, basis: "no-process-source" }, 30), 30)).toEqual([]);
    const idle = { ownerKey: "idle", basis: "device", label: "idle" } as const;
    expect(play(subject, run(30, idle, 90), 90)).toEqual(["resolved hidden-use warning @119"]);
  });

  test("says what was seen where no evidence came with the slices, and keeps what came", () => {
    const of = (over: Partial<SliceFact>) =>
      run(30, over).flatMap((window) => {
        const subject = engine({ hidden: { dwellMs: WINDOW_MS } });
        return subject.observe(window);
      })[0]?.incident.evidence;
    expect(of(hidden)?.map(({ feature }) => feature)).toEqual(["hiddenUse"]);
    const told = sign("hiddenUse", { family: "context", value: 0.93, text: "93 % unexplained" });
    expect(of({ ...hidden, evidence: [told] })).toEqual([told]);
  });
});

describe.each([
  ["tunnel", TUNNEL, 6, "notice"],
  ["pool", POOL, 3, "warning"],
  ["probing", sign("internalProbing"), 3, "notice"],
  ["egress", sign("newDestination", { value: "203.0.113.9:443" }), 3, "warning"],
])("%s", (rule, evidence, windows, severity) => {
  const seen = { evidence: [evidence] };

  test("opens at its dwell, and not a window before", () => {
    expect(play(engine(), run(windows - 1, seen))).toEqual([]);
    expect(play(engine(), run(windows, seen))).toEqual([
      `opened ${rule} ${severity} @${windows - 1}`,
    ]);
  });

  test("is one incident for all devices of a node, and names them", () => {
    const subject = engine();
    const changes = Array.from({ length: windows + 5 }, (_, i) =>
      ["GPU-b", "GPU-a"].flatMap((gpuUuid) => subject.observe([fact(i, { ...seen, gpuUuid })])),
    ).flat();
    expect(changes).toHaveLength(1);
    expect(changes[0]?.incident.gpuUuid).toBeUndefined();
    expect(changes[0]?.incident.summary).toContain("GPU GPU-");
  });

  test("resolves when all its devices were seen without it for the clear time, and not before", () => {
    const subject = engine();
    const both = (index: number, over: Partial<SliceFact>): SliceFact[] =>
      ["GPU-a", "GPU-b"].map((gpuUuid) => fact(index, { ...over, gpuUuid }));
    for (let i = 0; i < windows; i += 1) subject.observe(both(i, seen));
    // GPU-b falls silent: what is not observed is not clear.
    const alone = run(100, {}, windows);
    const said = alone.flatMap((window) => subject.observe(window));
    expect(said.map(({ action }) => action)).toEqual(["updated"]);
    expect(said[0]?.incident.summary).toContain("no data is not all clear");
    const late = windows + 100;
    const clean = Array.from({ length: 30 }, (_, i) => both(late + i, {}));
    expect(play(subject, clean.slice(0, 29), late)).toEqual([]);
    expect(play(subject, clean.slice(29), late + 29)).toEqual([
      `resolved ${rule} ${severity} @${late + 29}`,
    ]);
  });

  test("opens nothing where it is switched off, nor on idle or unobserved time", () => {
    const off = { enabled: false };
    expect(play(engine({ tunnel: off, network: off }), run(60, seen))).toEqual([]);
    for (const ownerKey of ["idle", "unobserved", "agent"])
      expect(play(engine(), run(60, { ...seen, ownerKey }))).toEqual([]);
  });

  test("opens nothing on evidence that resembles it", () => {
    const like = { ...evidence, feature: `${evidence.feature}Hint` };
    expect(play(engine(), run(200, { evidence: [like] }))).toEqual([]);
  });

  test("says so once when its devices fall silent", () => {
    const subject = engine();
    play(subject, run(windows, seen));
    const dark = { ownerKey: "unobserved", label: "unknown", basis: "no-sample" } as const;
    expect(play(subject, run(300, dark, windows), windows)).toHaveLength(1);
    expect(subject.open()).toHaveLength(1);
  });
});

describe("a pool connection", () => {
  test("is critical where the processes say so, too, and rises when they begin to", () => {
    const both = { evidence: [POOL, HOST] };
    expect(play(engine(), run(3, both))).toEqual(["opened pool critical @2"]);
    const subject = engine();
    expect(play(subject, run(4, { evidence: [POOL] }))).toEqual(["opened pool warning @2"]);
    expect(play(subject, run(1, both, 4), 4)).toEqual(["updated pool critical @4"]);
  });

  test("raises mining by telemetry to critical, and alone makes it a warning", () => {
    const mining = (evidence: Evidence[]): (string | undefined)[] => {
      const off = { enabled: false };
      const subject = new IncidentEngine({ hash: shortHash, network: off, tunnel: off });
      const windows = run(12, { label: "mining-like", evidence });
      const [opened] = windows.flatMap((window) => subject.observe(window));
      return [
        opened?.incident.severity,
        opened?.incident.summary.split("confidence up to 0.90. ")[1],
      ];
    };
    expect(mining([TELEMETRY])).toEqual([
      "notice",
      "Only telemetry says so: reason to look, no proof.",
    ]);
    expect(mining([POOL])).toEqual([
      "warning",
      "The owner's connections say so; telemetry alone would not.",
    ]);
    expect(mining([TELEMETRY, POOL])).toEqual([
      "critical",
      "Telemetry and the owner's connections say so independently of each other.",
    ]);
    expect(mining([HOST, POOL])).toEqual([
      "critical",
      "The owner's processes and the owner's connections say so independently of each other.",
    ]);
    expect(mining([TELEMETRY, HOST, POOL])[1]).toBe(
      "Telemetry, the owner's processes and the owner's connections say so independently of each other.",
    );
  });
});

test("a family that joins two others is told at once, and once", () => {
  const off = { enabled: false };
  const subject = new IncidentEngine({ hash: shortHash, network: off, tunnel: off });
  const mine = (evidence: Evidence[]): Partial<SliceFact> => ({ label: "mining-like", evidence });
  play(subject, run(13, mine([TELEMETRY, HOST])));
  const all = run(20, mine([TELEMETRY, HOST, POOL]), 13);
  expect(play(subject, all, 13)).toEqual(["updated mining critical @13"]);
});

test("a tunnel that begins during mining becomes part of its evidence, and an incident of its own", () => {
  const subject = new IncidentEngine({ hash: shortHash, mining: { updateEveryMs: 60_000 } });
  const mine = (evidence: Evidence[]): Partial<SliceFact> => ({ label: "mining-like", evidence });
  const before = play(subject, run(20, mine([TELEMETRY])));
  expect(before).toEqual(["opened mining notice @11"]);
  expect(play(subject, run(8, mine([TELEMETRY, TUNNEL]), 20), 20)).toEqual([
    "updated mining notice @20",
    "opened tunnel notice @25",
  ]);
  const mining = subject.open().find(({ rule }) => rule === "mining");
  expect(mining?.evidence.map(({ feature }) => feature)).toContain("tunnel");
});
