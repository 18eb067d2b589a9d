import type { ProcessSighting } from "../model/sample.ts";
import { MAX_NAME_LENGTH } from "./purpose-data.ts";

/** What a process runs, in its own words and the kernel's: hostile, and bounded in length. */
export interface Invocation {
  /** Base name of the program, or of the script that an interpreter runs; lower case. */
  program?: string | undefined;
  /** The module that an interpreter runs with `-m`. */
  module?: string | undefined;
  /** `VLLM` of a process that calls itself `VLLM::EngineCore`. */
  title?: string | undefined;
  /** The first argument of the program or script that is no option. */
  firstArgument?: string | undefined;
}

const INTERPRETER = /^(?:python|pypy)[\d.]*[td]?$/;
/** Options of the interpreter, or of a launcher before its sub-command, are few. */
const MAX_ARGUMENTS = 64;

/**
 * What a process runs. The kernel's word for the executable goes before what the process put into
 * its argument list. Arguments are never searched: an editor that has `train.py` open trains nothing.
 */
export function invocationOf({ exe, argv, comm }: ProcessSighting): Invocation {
  const args = argv ?? [];
  const program = baseName(exe) ?? baseName(args[0]) ?? baseName(comm);
  const interprets = program !== undefined && INTERPRETER.test(program);
  const title = exe === undefined || interprets ? titleOf(args[0] ?? comm) : undefined;
  if (title !== undefined) return { title };
  if (interprets) return args.length > 1 ? interpreted(args) : { program: baseName(comm) };
  return { program, firstArgument: firstArgument(args, 1) };
}

/** `python -u -m torch.distributed.run …` and `python -W ignore /venv/bin/torchrun …`. */
function interpreted(args: readonly string[]): Invocation {
  for (let at = 1; at < Math.min(args.length, MAX_ARGUMENTS); at++) {
    const arg = args[at] ?? "";
    if (arg === "--check-hash-based-pycs") at += 1;
    else if (arg === "-") return {};
    else if (!arg.startsWith("-"))
      return { program: baseName(arg), firstArgument: firstArgument(args, at + 1) };
    else if (!arg.startsWith("--")) {
      const taken = optionWithValue(arg);
      if (taken?.option === "m") return { module: bounded(taken.value || args[at + 1]) };
      if (taken?.option === "c") return {};
      if (taken && taken.value === "") at += 1;
    }
  }
  return {};
}

/** Of flags in one argument (`-um`), the one that takes a value, and what of it stands in there. */
function optionWithValue(arg: string): { option: string; value: string } | undefined {
  const at = arg.slice(0, MAX_NAME_LENGTH).search(/[mcWXQ]/);
  return at < 0 ? undefined : { option: arg.charAt(at), value: arg.slice(at + 1) };
}

function firstArgument(args: readonly string[], from: number): string | undefined {
  return bounded(args.slice(from, from + MAX_ARGUMENTS).find((arg) => !arg.startsWith("-")));
}

/** `/opt/bin/Torchrun (deleted)` → `torchrun`; undefined where nothing or too much is left. */
function baseName(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  const end = path.endsWith(" (deleted)") ? -" (deleted)".length : undefined;
  return bounded(path.slice(path.lastIndexOf("/") + 1, end))?.toLowerCase();
}

function titleOf(text: string | undefined): string | undefined {
  const colons = text?.indexOf("::") ?? -1;
  return colons > 0 ? bounded(text?.slice(0, colons)) : undefined;
}

function bounded(text: string | undefined): string | undefined {
  return text && text.length <= MAX_NAME_LENGTH ? text : undefined;
}
