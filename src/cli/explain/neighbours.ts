import type { EvidenceModel } from "../../classify/evidence-model.ts";
import { telemetryEvidence } from "../../classify/score.ts";
import type { Evidence } from "../../model/evidence.ts";
import { type Owner, ownerKey } from "../../model/owner.ts";
import type { Slice } from "../../model/slice.ts";
import { formatInstant } from "../../bill/instant.ts";
import type { Neighbour } from "./schema.ts";
import { AROUND, type Scene, type SceneWindow } from "./scene.ts";
import { byLabel, type LabelNumbers } from "./sum.ts";

/** Shares that are nobody's work: rest, unmeasured time, the agent's own. */
const NO_WORK: ReadonlySet<string> = new Set(["idle", "unobserved", "agent"]);

export function isWork({ owner }: Pick<Slice, "owner">): boolean {
  return !NO_WORK.has(owner.kind);
}

/** The windows to each side on their grid, the one in the middle included. @param owner all of the device where absent */
export function ribbon(scene: Scene, owner: Owner | undefined): Neighbour[] {
  const { windowMs, here, around } = scene;
  const gridMs = here.window.toMs - windowMs;
  const found: Neighbour[] = [];
  for (let offset = -AROUND; offset <= AROUND; offset++) {
    const fromMs = gridMs + offset * windowMs;
    const middleMs = fromMs + windowMs / 2;
    const there =
      offset === 0
        ? here
        : around.find(({ window }) => window.fromMs <= middleMs && middleMs < window.toMs);
    const { fromMs: from, toMs: to } = there?.window ?? { fromMs, toMs: fromMs + windowMs };
    found.push({
      offset,
      from: formatInstant(from),
      to: formatInstant(to),
      ...labelThere(there, owner),
    });
  }
  return found;
}

const NOTHING: Told = { absent: "not-measured" };

type Told = Pick<Neighbour, "label" | "confidence" | "absent">;

function labelThere(there: SceneWindow | undefined, owner: Owner | undefined): Told {
  if (!there) return NOTHING;
  const { slices, device } = there;
  if (!owner) return device ? told(device) : NOTHING;
  const [longest] = slices.toSorted((a, b) => b.timeMs - a.timeMs);
  // Rest is the device's own: beside it stands what the device did before and after.
  if (!isWork({ owner })) return device ? told(device) : longest ? told(longest) : NOTHING;
  const own = slices.find((slice) => ownerKey(slice.owner) === ownerKey(owner));
  if (own) return told(own);
  if (!longest || longest.owner.kind === "unobserved") return NOTHING;
  return slices.some((slice) => isWork(slice)) ? { absent: "somebody-else" } : told(longest);
}

function told({ label, confidence }: Pick<Slice, "label" | "confidence">): Told {
  return { label, confidence };
}

/** The windows that touch this one, with what their device's telemetry says where it is known. */
export function touching(
  scene: Scene,
  model: EvidenceModel | undefined,
): { before?: LabelNumbers | undefined; after?: LabelNumbers | undefined } {
  const { window } = scene.here;
  const before = scene.around.find((other) => other.window.toMs === window.fromMs);
  const after = scene.around.find((other) => other.window.fromMs === window.toMs);
  return { before: ownScores(before, model), after: ownScores(after, model) };
}

/** Prior and telemetry of one window by itself; undefined where nobody worked or it is not known. */
function ownScores(
  there: SceneWindow | undefined,
  model: EvidenceModel | undefined,
): LabelNumbers | undefined {
  if (!there || !model || !there.slices.some((slice) => isWork(slice))) return undefined;
  const evidence = telemetryOf(there, model);
  return (
    evidence &&
    byLabel((label) =>
      evidence.reduce(
        (sum, { weights }) => sum + (weights[label] ?? 0),
        model.prior.weights[label] ?? 0,
      ),
    )
  );
}

/** Of the device as a whole: of a ledger only a slice whose owner had it to himself tells that. */
function telemetryOf(
  { slices, device }: SceneWindow,
  model: EvidenceModel,
): readonly Evidence[] | undefined {
  if (device) return telemetryEvidence(device.signature, model);
  return slices
    .filter((slice) => !isOfShareAlone(slice))
    .map(({ evidence }) => evidence.filter(({ family }) => family === "telemetry"))
    .find((list) => list.length > 0);
}

/** Whether a verdict rests on what is told of one owner's share of a device that others used, too. */
export function isOfShareAlone({ evidence }: { evidence: readonly Evidence[] }): boolean {
  return evidence.some(({ feature, family }) => family === "context" && feature === "sharedDevice");
}
