import { closest } from "fastest-levenshtein";
import { KERNEL_FAMILIES } from "../model/calibration.ts";
import { AssayError } from "../model/errors.ts";
import { sanitize } from "../model/text.ts";
import type { Kernel } from "../probe/kernels/kernel.ts";

const MAX_SHOWN = 60;

/**
 * The kernels that a list of names and families stands for, each once, in the order of `known`.
 * @throws AssayError `cli/usage` for what is neither, or nothing at all
 */
export function chooseKernels(
  text: string | undefined,
  known: readonly Kernel[],
): readonly Kernel[] {
  if (text === undefined) return known;
  const words = text.split(",").map((word) => word.trim());
  for (const word of words) {
    if (!known.some((kernel) => stands(word, kernel))) throw unknownKernel(word, known);
  }
  return known.filter((kernel) => words.some((word) => stands(word, kernel)));
}

function stands(word: string, { name, family }: Kernel): boolean {
  return word === name || word === family;
}

function unknownKernel(word: string, known: readonly Kernel[]): AssayError {
  const names = known.map(({ name }) => name);
  const families = KERNEL_FAMILIES.filter((family) => known.some((each) => each.family === family));
  const nearest = closest(word.slice(0, MAX_SHOWN), [...names, ...families]);
  const all = `kernels: ${names.join(", ")}; families: ${families.join(", ")}`;
  return new AssayError("cli/usage", `"${sanitize(word, MAX_SHOWN)}" is no kernel and no family`, {
    place: "--kernels",
    hint: word === "" ? all : `${nearest}? ${all}`,
  });
}
