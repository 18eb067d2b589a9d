import type { Scene } from "./scene.ts";
import { percent } from "./own-units.ts";
import { ranked, type Sum } from "./sum.ts";

/** What the neighbouring windows did to this one, in words. */
export function smoothingText(sum: Sum | undefined, scene: Scene, isDevices: boolean): string {
  if (!sum) return "Nothing was smoothed: this verdict is not made by adding up.";
  if (!isDevices)
    return "Nothing was smoothed: this verdict rests on what is told of the owner's own processes.";
  const { whole } = sum;
  if (!whole)
    return "What the neighbouring windows did cannot be told: the slice was made by another model than the one at hand.";
  if (!whole.agrees)
    return "What the neighbouring windows did cannot be told: the parts that are kept do not give the probability that was recorded.";
  const [best = "other"] = ranked(whole.probabilities);
  const moved = `Alone it would have given ${best} ${percent(whole.alone[best])}; with them it has ${percent(whole.probabilities[best])}.`;
  const isMoved = Object.values(whole.pull).some((pull) => Math.abs(pull) > 1e-9);
  if (!isMoved && whole.counted.length === 0)
    return "Nothing was smoothed: no neighbouring window was heard, and this one speaks for itself.";
  if (!isMoved)
    return "The windows directly beside it were heard. They say the same as this one, and moved nothing.";
  const weight = scene.model.decision.neighbourWeight;
  const who =
    whole.counted.length === 0
      ? "The neighbouring windows"
      : `The window ${whole.counted.map((side) => `directly ${side}`).join(" and the one ")} it`;
  const counts =
    whole.counted.length === 0 ? "were heard" : `counted ${percent(weight)} of this one each`;
  return `${who} ${counts}: averaged in, not added, because neighbours are nearly copies. ${moved}`;
}
