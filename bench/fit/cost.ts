/**
 * What a whole fit takes: 100 made-up recordings of 40 windows with 40 features, in 25 families. The
 * windows are random numbers: the time means something, the figures of the model nothing.
 * Usage: npx tsx bench/fit/cost.ts
 */
import { loadShippedData } from "../../src/config/data.ts";
import { DECIDABLE_LABELS } from "../../src/model/label.ts";
import { FEATURES } from "../../src/model/signature.ts";
import { seededRandom } from "../../src/simulate/random.ts";
import type { LabelledWindow } from "../labelled.ts";
import { machine } from "../machine.ts";
import { leaveOneFamilyOut } from "./evaluate.ts";
import { fitModel } from "./fit.ts";

const [RECORDINGS, WINDOWS, FEATURE_COUNT, FAMILIES] = [100, 40, 40, 25];
const WINDOW_MS = 10_000;

const random = seededRandom(3);
const features = FEATURES.slice(0, FEATURE_COUNT);
const centres = DECIDABLE_LABELS.map(() => features.map(() => 0.3 * random()));
const windows = Array.from({ length: RECORDINGS }, (_, recording) => {
  const offsets = features.map(() => 0.2 * random());
  return Array.from({ length: WINDOWS }, (__, place) => windowOf(recording, place, offsets));
}).flat();

const base = loadShippedData().model;
const once = seconds(() => void fitModel(windows, base));
const nested = seconds(() => void leaveOneFamilyOut(windows, base));
const { cpu, node, loadBefore } = machine();
process.stdout.write(
  `${RECORDINGS} recordings x ${WINDOWS} windows x ${FEATURE_COUNT} features in ${FAMILIES} families, random numbers\n` +
    `processor time: one fit ${once.toFixed(1)} s; with each family left out in turn ${(once + nested).toFixed(1)} s\n` +
    `${cpu}, Node ${node}, load before ${loadBefore.toFixed(1)}\n`,
);

/** Of this process's own time: what else runs on the machine does not count. */
function seconds(work: () => void): number {
  const from = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 1e6;
}

function windowOf(recording: number, place: number, offsets: readonly number[]): LabelledWindow {
  const family = recording % FAMILIES;
  const kind = family % DECIDABLE_LABELS.length;
  const label = DECIDABLE_LABELS[kind] ?? "other";
  const window = { fromMs: place * WINDOW_MS, toMs: (place + 1) * WINDOW_MS };
  const gpu = { index: 0, uuid: "GPU-1", model: "made up" };
  const value = (i: number): number =>
    (centres[kind]?.[i] ?? 0) + (offsets[i] ?? 0) + 0.4 * random();
  const slice = {
    node: "made-up",
    gpuUuid: gpu.uuid,
    ...window,
    owner: { kind: "unattributed" as const, id: "" },
    timeMs: WINDOW_MS,
    basis: "no-process-source" as const,
    modelVersion: "",
    agentVersion: "",
    simulated: true,
  };
  const verdict = { label: "unknown" as const, confidence: 0, evidence: [] };
  return {
    recording: `r${recording}`,
    family: `f${family}`,
    truthSeconds: { [label]: WINDOW_MS / 1000 },
    result: {
      node: "made-up",
      simulated: true,
      gpu,
      window,
      signature: {
        gpuUuid: gpu.uuid,
        window,
        features: Object.fromEntries(features.map((name, i) => [name, value(i)])),
        scale: "none",
        sampleCount: 10,
        workReadings: 100,
        isStill: false,
        coveredMs: WINDOW_MS,
      },
      slices: [{ ...slice, ...verdict }],
      ...verdict,
    },
  };
}
