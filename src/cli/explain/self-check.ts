import { formatInstant } from "../../bill/instant.ts";
import { sanitize } from "../../model/text.ts";
import type { Scene } from "./scene.ts";
import type { Explanation } from "./schema.ts";

const BY_HAND =
  "The sum by hand: add up a label's column, raise e to the power of the result; the probability of a label is its share of the four.";

/** How to come to the same again, without believing this page. */
export function selfCheck(
  scene: Scene,
  version: string,
  owner: string | undefined,
  isSummed: boolean,
): Explanation["check"] {
  const { source, gpu, here, model } = scene;
  const from = formatInstant(here.window.fromMs);
  const path = quoted(source.path);
  const whose = owner === undefined ? "" : ` --owner ${quoted(owner)}`;
  const byHand = isSummed ? [BY_HAND] : [];
  const data = `The weights, their reasons and the thresholds are in data/evidence-model.json, version ${sanitize(model.version)}.`;
  if (source.kind === "recording")
    return {
      commands: [
        `assay explain --recording ${path} --gpu ${gpu.index} --at ${from}${whose} --json`,
        `assay replay ${path} --json`,
        `assay inspect ${path} --gpu ${gpu.index}`,
      ],
      notes: [
        ...byHand,
        data,
        "Everything here is computed from the recording alone: whoever has the file gets the same. Its lines are readable text (docs/recording-format.md); the command lines of processes are in its `processes` lines.",
      ],
    };
  const other =
    version === model.version
      ? data
      : `The slice was made by the model ${sanitize(version)}; this program has ${sanitize(model.version)}. The weights shown are the slice's own; the model's prior, its thresholds and what it would have made of other values are not kept, so the sum cannot be finished here.`;
  return {
    commands: [
      `assay explain --state-dir ${path} --gpu ${quoted(gpu.uuid)} --at ${from}${whose} --json`,
      `assay report --state-dir ${path} --from ${from} --to ${formatInstant(here.window.toMs)}`,
    ],
    notes: [
      ...byHand,
      other,
      "A ledger keeps the verdict and its evidence, not the readings: the distances to all reference kernels and the label of the device as a whole cannot be told from it. Only a recording of the same time can be replayed.",
    ],
  };
}

/** Safe to paste into a shell, and into a terminal. */
function quoted(text: string): string {
  const safe = sanitize(text, 1024);
  return /^[\w@%+=:,./-]+$/.test(safe) ? safe : `'${safe.replaceAll("'", String.raw`'\''`)}'`;
}
