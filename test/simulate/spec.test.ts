import { describe, expect, it } from "vitest";
import { AssayError } from "../../src/model/errors.ts";
import { instantMs } from "../../src/simulate/instant.ts";
import { scenarioOf } from "../../src/simulate/scenario.ts";
import { parseSpec } from "../../src/simulate/spec-yaml.ts";

const SOUND = `node: {length: 60s}
gpus:
  - model: t4
workloads:
  - kind: training
    parameters: 1e8
    step: 500ms
`;

function faultOf(text: string): AssayError {
  try {
    scenarioOf(parseSpec(text, "node.yaml"));
  } catch (error) {
    if (error instanceof AssayError) return error;
    throw error;
  }
  throw new Error(`nothing is wrong with:\n${text}`);
}

/** The sound text with one line of it changed. */
function changed(line: string, into: string): string {
  expect(SOUND).toContain(line);
  return SOUND.replace(line, into);
}

const workload = (more: string): string => `${SOUND}${more}\n`;

describe("a specification", () => {
  it("without fault is taken, with defaults for what it does not say", () => {
    const { node, gpus, jobs } = scenarioOf(parseSpec(SOUND, "node.yaml"));
    expect(node).toMatchObject({ interval: 1, length: 60, seed: 1, processes: 5 });
    expect(gpus).toMatchObject([{ index: 0, powerLimitWatts: 70, model: { name: "Tesla T4" } }]);
    expect(jobs).toMatchObject([{ name: "training-0", pid: 4001, fromSecond: 0, toSecond: 60 }]);
  });

  it("takes a device that it defines", () => {
    const device = `{name: Mine, tensor16: 1, tensor8: 1, fp64: 1, fp32: 1, fp16: 1, int32: 1, memoryGBps: 100, pcieGBps: 8, memory: 8GiB, powerLimitWatts: 100, maxClockMHz: 1000, memoryClockMHz: 1000}`;
    const text = changed("model: t4", "model: mine").replace("step: 500ms", "tokens: 10");
    const { gpus } = scenarioOf(parseSpec(`${text}devices: {mine: ${device}}`, "a"));
    expect(gpus[0]?.model).toMatchObject({ name: "Mine", restWatts: 10, contextWatts: 6 });
    const hot = device.replace("powerLimitWatts: 100", "powerLimitWatts: 100, restWatts: 95");
    expect(faultOf(`${text}devices: {mine: ${hot}}`).message).toContain("nothing for work");
  });

  it.each([
    ["no YAML", "node: [", "simulate/syntax", "node.yaml:1"],
    ["nothing at all", "", "simulate/invalid", "node.yaml:1"],
    ["an unknown setting", changed("step:", "stepp:"), "simulate/invalid", "node.yaml:7"],
    ["a number for a duration", changed("500ms", "5"), "simulate/invalid", "node.yaml:7"],
    [
      "an unknown kind",
      changed("kind: training", "kind: trainin"),
      "simulate/invalid",
      "node.yaml:5",
    ],
    ["an unknown device", changed("t4", "t5"), "simulate/invalid", "node.yaml:3"],
    ["no length", changed("length: 60s", "interval: 1s"), "simulate/invalid", "node.yaml:1"],
    ["an endless length", changed("60s", "0s"), "simulate/invalid", "node.yaml:1"],
    ["too much jitter", changed("60s", "60s, jitter: 1s"), "simulate/invalid", "node.yaml:1"],
    [
      "a resolution too coarse",
      changed("60s", "60s, resolution: 2s"),
      "simulate/invalid",
      "node.yaml:1",
    ],
    [
      "a limit the board has not",
      changed("t4", "t4\n    powerLimitWatts: 90"),
      "simulate/invalid",
      "node.yaml:4",
    ],
    [
      "a uuid for several",
      changed("t4", "t4\n    count: 2\n    uuid: GPU-12345678"),
      "simulate/invalid",
      "node.yaml:5",
    ],
    ["too many GPUs", changed("t4", "t4\n    count: 65"), "simulate/invalid", "node.yaml:4"],
    ["a GPU that is not there", workload("    gpus: [0, 1]"), "simulate/invalid", "node.yaml:8"],
    ["a GPU named twice", workload("    gpus: [0, 0]"), "simulate/invalid", "node.yaml:8"],
    [
      "an end before its start",
      workload("    from: 10s\n    to: 5s"),
      "simulate/invalid",
      "node.yaml:8",
    ],
    ["an end after the recording's", workload("    to: 61s"), "simulate/invalid", "node.yaml:8"],
    ["no time to work", workload("    startup: 60s"), "simulate/invalid", "node.yaml:8"],
    ["two sizes of a step", workload("    tokens: 100"), "simulate/invalid", "node.yaml:8"],
    ["a step too short", changed("500ms", "5ms"), "simulate/invalid", "node.yaml:7"],
    ["more memory than there is", workload("    memory: 17GiB"), "simulate/invalid", "node.yaml:8"],
    ["a duty of no kind", workload("    duty: {period: 3s}"), "simulate/invalid", "node.yaml:8"],
    [
      "a duty too fine",
      workload("    duty: {period: 1ms, share: 0.5}"),
      "simulate/invalid",
      "node.yaml:8",
    ],
    [
      "a pid taken twice",
      workload("    owner: {pid: 7}\nhost: [{pid: 7}]"),
      "simulate/invalid",
      "node.yaml:9",
    ],
    [
      "a number for an environment",
      workload("    owner: {environ: {RANK: 0}}"),
      "simulate/invalid",
      "node.yaml:8",
    ],
    [
      "a gap that ends before it begins",
      workload("faults: {gaps: [{from: 9s, to: 3s}]}"),
      "simulate/invalid",
      "node.yaml:8",
    ],
    [
      "a stuck sensor that is none",
      workload("faults: {stuck: [{gpu: 0, quantity: volts}]}"),
      "simulate/invalid",
      "node.yaml:8",
    ],
    [
      "a stuck sensor of what is not measured",
      changed("t4", "t4\n    counters: nvml") + "faults: {stuck: [{gpu: 0, quantity: smActive}]}",
      "simulate/invalid",
      "node.yaml:9",
    ],
    [
      "a clock the device has not",
      workload("faults: {clockLimits: [{gpu: 0, maxMHz: 9000}]}"),
      "simulate/invalid",
      "node.yaml:8",
    ],
    [
      "a clock that steps back",
      workload("faults: {timeSteps: [{at: 3s, by: -2s}]}"),
      "simulate/invalid",
      "node.yaml:8",
    ],
    [
      "a start that is no time",
      changed("60s", "60s, start: 2026-02-30T00:00:00Z"),
      "simulate/invalid",
      "node.yaml:1",
    ],
  ])("with %s is refused at its line", (_what, text, code, place) => {
    const error = faultOf(text);
    expect({ code: error.code, place: error.place }).toEqual({ code, place });
    expect(error.exitCode).toBe(2);
    expect(error.hint).toMatch(/\w/);
  });

  it.each(["constructor", "__proto__", "toString"])("has no device called %s", (name) => {
    const error = faultOf(changed("t4", name));
    expect(error).toMatchObject({ code: "simulate/invalid", place: "node.yaml:3" });
    expect(error.message).toContain("there is no such device");
    expect(error.hint).toContain("h100-sxm");
  });

  it.each([
    ["length: 99999999999999h", "node.yaml:1", "at most 87600h"],
    [`length: ${"9".repeat(400)}h`, "node.yaml:1", "at most 87600h"],
    ["length: 5constructor", "node.yaml:1", "must be a number with a unit"],
    ["length: 60s, start: 5138-11-16T09:46:00Z", "node.yaml:1", "too late"],
    ["length: 60s, start: 9999-12-31T23:59:50Z", "node.yaml:1", "too late"],
  ])("with %s is refused: no reader takes such times", (node, place, said) => {
    const error = faultOf(changed("length: 60s", node));
    expect(error).toMatchObject({ code: "simulate/invalid", place });
    expect(error.message).toContain(said);
    expect(error.hint).toMatch(/\w/);
  });

  it.each([
    ["faults: {timeSteps: [{at: 10s, by: 999999999h}]}", "faults.timeSteps[0].by"],
    ["faults:\n  timeSteps: [{at: 1s, by: 20000000h}, {at: 2s, by: 9000000h}]", "timeSteps[1].by"],
    [`faults: {timeSteps: [{at: 10s, by: ${"9".repeat(400)}h}]}`, "faults.timeSteps[0].by"],
  ])("with %s is refused: no reader takes such times", (faults, where) => {
    const error = faultOf(workload(faults));
    expect(error).toMatchObject({
      code: "simulate/invalid",
      place: expect.stringMatching(/:[89]$/),
    });
    expect(error.message).toContain(where);
  });

  it("with a process that starts too late to be read is refused", () => {
    const late = changed("60s", "60s, start: 5130-01-01T00:00:00Z");
    expect(faultOf(`${late}    owner: {started: 87000h}\n`).message).toContain("owner.started");
  });

  it("may set a clock that stood at 1970 right", () => {
    const text = changed("60s", "60s, start: 1970-01-01T00:00:00Z");
    const { faults } = scenarioOf(
      parseSpec(`${text}faults: {timeSteps: [{at: 9s, by: 490000h}]}`, "a"),
    );
    expect(faults.timeSteps).toEqual([{ at: 9, by: 490_000 * 3600 }]);
  });

  it.each([
    [changed("t4", "t4\n    count: 100000000"), "at most 64"],
    [workload("    accumulate: 100000000"), "at most 1024"],
    [workload("    tokens: 1e300"), "at most 9007199254740991"],
    [workload("    owner: {pid: 100000000}"), "at most 4194304"],
    [workload("    owner: {ppid: 1e300}"), "at most 9007199254740991"],
    [workload("    gpus: [64]"), "at most 63"],
    [changed("60s", "60s, seed: 4294967296"), "at most 4294967295"],
    [changed("60s", `60s, name: ${"x".repeat(201)}`), "at most 200 characters"],
    [workload(`    memory: ${"9".repeat(30)}GiB`), "at most 8388607GiB"],
    [changed("60s", `60s, interval: 99999999h`), "at most 87600h"],
  ])("says of what is too large how large it may be (%#)", (text, said) => {
    const { message } = faultOf(text);
    expect(message).toContain(`must ${said.includes("characters") ? "have" : "be"} ${said}`);
  });

  it.each([
    ["", "simulate/invalid", "node.yaml:1", "is empty"],
    ["# only this\n", "simulate/invalid", "node.yaml:1", "is empty"],
    ["{}", "simulate/invalid", "node.yaml:1", "node: is missing"],
    ["node: {length: 60s}", "simulate/invalid", "node.yaml:1", "gpus: is missing"],
    ["a: 1\nb: &x\n  c: *x\n", "simulate/syntax", "node.yaml:3", "*x stands within what it names"],
    [`${SOUND}---\n${SOUND}`, "simulate/syntax", "node.yaml:8", "a second document begins here"],
    ["[".repeat(20_000), "simulate/syntax", "node.yaml:1", "is nested too deeply"],
  ])("that is no such thing is refused in plain words (%#)", (text, code, place, said) => {
    const error = faultOf(text);
    expect(error).toMatchObject({ code, place });
    expect(error.message).toContain(said);
    expect(error.hint).toMatch(/\w/);
  });

  it("names the setting that was meant", () => {
    expect(faultOf(changed("step:", "stepp:")).hint).toBe("did you mean step?");
    expect(faultOf(changed("length: 60s", "length: 60s, intervall: 1s")).hint).toBe(
      "did you mean interval?",
    );
  });

  it("cannot fill the memory with aliases", () => {
    const bomb = ["a: &a [x, x, x, x, x, x, x, x, x, x]"];
    for (const [of, name] of ["ab", "bc", "cd", "de", "ef"].entries())
      bomb.push(`${name[1]}: &${name[1]} [${Array(10).fill(`*${name[0]}`).join(", ")}] # ${of}`);
    expect(faultOf(bomb.join("\n")).code).toBe("simulate/syntax");
  });
});

describe("an instant", () => {
  it("is what the calendar says, leap days included", () => {
    for (const text of [
      "1970-01-01T00:00:00Z",
      "2000-02-29T23:59:59Z",
      "2024-02-29T12:00:00.250Z",
      "2026-01-05T09:00:00Z",
      "2100-03-01T00:00:00Z",
    ])
      expect(instantMs(text)).toBe(Date.parse(text));
    for (const text of ["2100-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-05", "now"])
      expect(instantMs(text)).toBeUndefined();
  });
});
