import type { ProcessSighting } from "../../model/sample.ts";
import { sanitize } from "../../model/text.ts";
import { commandOf, isListed } from "./command.ts";
import type { Lists } from "./lists.ts";

/** Libraries named in the sentence, and looked at. */
const NAMED = 6;
const MAX_MAPPED = 512;

/**
 * A process that holds a GPU and has no library of machine learning or scientific computing in its
 * memory. Renderers and programs linked into one file do that, too: it weighs nothing. Where nothing
 * looked at its memory, nothing is said.
 */
export function noFramework(process: ProcessSighting, lists: Lists): string | undefined {
  const { mapped } = process;
  if (process.holdsDevice !== true || mapped === undefined) return undefined;
  const names = mapped.slice(0, MAX_MAPPED).map((name) => name.toLowerCase());
  if (names.some((name) => isFramework(name, lists))) return undefined;
  const { program } = commandOf(process, lists);
  if (program !== undefined && isListed("ordinaryHolders", program, lists)) return undefined;
  const shown = names.slice(0, NAMED).map((name) => sanitize(name, 40));
  const has = shown.length > 0 ? `only ${shown.join(", ")}` : "nothing of the kind";
  return `holds a GPU and has no framework in its memory, ${has}: renderers and programs that bring all in one file look the same`;
}

/** `torch_cuda`, `libtorch`, `cudnn_ops`: told by the name, or by what stands before its first `_`. */
function isFramework(name: string, lists: Lists): boolean {
  const short = name.replace(/^lib/, "").replace(/\.so(?:\.\d+)*$/, "");
  const head = short.split(/[_.-]/, 1)[0] ?? short;
  return lists.has("frameworks", short) || lists.has("frameworks", head);
}
