import { formatInstant } from "../../bill/instant.ts";
import { AssayError } from "../../model/errors.ts";
import { ownerKey } from "../../model/owner.ts";
import { sanitize } from "../../model/text.ts";
import { windowLengthMs } from "../../model/window.ts";
import type { Slice } from "../../model/slice.ts";
import { isOfShareAlone, isWork } from "./neighbours.ts";
import { BASIS_TEXT, ownerText, whoText } from "./plain-words.ts";
import type { DeviceView, Scene } from "./scene.ts";
import type { Explanation } from "./schema.ts";
import { selfCheck } from "./self-check.ts";
import { explainVerdict, type Verdict } from "./subject.ts";

/** Owners that are explained one by one before the rest is only listed. */
const MAX_SUBJECTS = 4;
const MAX_LISTED = 64;

/**
 * Everything that can be said of one window of one device.
 * @param owner this owner's share alone
 * @throws AssayError explain/owner
 */
export function explainScene(scene: Scene, owner: string | undefined): Explanation {
  const { here, gpu, model, source } = scene;
  const slices = here.slices.toSorted((a, b) => b.timeMs - a.timeMs);
  const chosen = chosenSlices(slices, owner);
  const verdicts: Verdict[] = chosen
    .slice(0, MAX_SUBJECTS)
    .map((slice) => ({ of: "share", slice }));
  const device = owner === undefined ? here.device : undefined;
  if (device && isToldBeside(device, chosen)) verdicts.push({ of: "device", device });
  const [first] = chosen;
  const version = first?.modelVersion ?? model.version;
  const { fromMs, toMs } = here.window;
  const subjects = verdicts.map((verdict) => explainVerdict(scene, verdict));
  const isSummed = subjects.some(({ sum }) => sum !== undefined);
  return {
    kind: "explanation",
    version: 1,
    source: { kind: source.kind, path: sanitize(source.path, 1024) },
    simulated: scene.simulated,
    at: formatInstant(scene.atMs),
    window: {
      from: formatInstant(fromMs),
      to: formatInstant(toMs),
      lengthMs: windowLengthMs(here.window),
    },
    node: sanitize(scene.node),
    gpu: { index: gpu.index, uuid: sanitize(gpu.uuid), model: sanitize(gpu.model) },
    device: here.device && {
      label: here.device.label,
      confidence: here.device.confidence,
      sampleCount: here.device.signature.sampleCount,
    },
    shares: slices.slice(0, MAX_LISTED).map(shareOf),
    subjects,
    leftOut: Math.max(0, chosen.length - MAX_SUBJECTS),
    model: {
      version: sanitize(version),
      origin: version === model.version ? model.origin : undefined,
      known: version === model.version,
    },
    agentVersion: sanitize(first?.agentVersion ?? scene.agentVersion),
    check: selfCheck(scene, version, owner, isSummed),
  };
}

/** The owner's share; without one the longest, and all that is somebody's work. */
function chosenSlices(slices: readonly Slice[], owner: string | undefined): Slice[] {
  if (owner === undefined) return slices.filter((slice, i) => i === 0 || isWork(slice));
  const own = slices.filter((slice) => ownerKey(slice.owner) === owner);
  if (own.length > 0) return own;
  const there = slices.map((slice) => ownerText(slice.owner));
  throw new AssayError("explain/owner", `${sanitize(owner, 100)} had no part of this window.`, {
    place: "--owner",
    hint: `those who had: ${there.slice(0, MAX_LISTED).join(", ")}`,
  });
}

/**
 * A device that several shared says something of all of them together that it says of none alone;
 * unless it is called by one of them, by whom it is explained already.
 */
function isToldBeside(device: DeviceView, chosen: readonly Slice[]): boolean {
  if (!isTelemetry(device) || chosen.some(({ evidence }) => evidence === device.evidence))
    return false;
  return !chosen.some((slice) => isTelemetry(slice) && !isOfShareAlone(slice));
}

function isTelemetry({ evidence }: Pick<Slice, "evidence">): boolean {
  return evidence.some(({ family }) => family === "telemetry");
}

function shareOf(slice: Slice): Explanation["shares"][number] {
  const { owner, timeMs, energyMj, basis, label, confidence } = slice;
  return {
    owner: ownerText(owner),
    who: whoText(owner),
    timeMs,
    energyMj,
    basis,
    basisText: BASIS_TEXT[basis],
    label,
    confidence,
  };
}
