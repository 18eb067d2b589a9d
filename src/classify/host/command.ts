import type { ProcessSighting } from "../../model/sample.ts";
import { invocationOf } from "../purpose-invocation.ts";
import type { Lists } from "./lists.ts";

/** Of hostile input no more is looked at than this, and all of it once. */
const MAX_WORDS = 4096;
const MAX_WORD_LENGTH = 1024;
const MAX_PATH_LENGTH = 4096;

/**
 * What the arguments of a process are: its own (`plain`), those of something it looks at (`reader`:
 * `grep xmrig`), or another command (`runner`: `timeout 1h xmrig`), which is a process of its own.
 */
export type Role = "plain" | "reader" | "runner";

/** A process as its arguments and its executable tell it; bounded, otherwise hostile. */
export interface Command {
  /** By the kernel's word where it is known; lower case. */
  program: string | undefined;
  /** Under what names it goes: executable, title, short name, script. */
  names: readonly string[];
  /** All words after the first. */
  args: readonly string[];
  role: Role;
}

export function commandOf(process: ProcessSighting, lists: Lists): Command {
  const words = wordsOf(process.argv ?? []);
  const program = programOf(process, words, lists);
  const names = [baseName(process.exe), baseName(words[0]), baseName(process.comm)];
  const script = scriptOf(process, program, lists);
  const role = roleOf(process, script ?? program, lists);
  const module = moduleOf(process, program);
  const known = [...names, baseName(script), module].filter((name) => name !== undefined);
  return { program, names: [...new Set(known)], args: words.slice(1), role };
}

/** A title that a program wrote over its arguments comes as one text: it is taken apart. */
function wordsOf(argv: readonly string[]): string[] {
  const [only = ""] = argv;
  const isTitle = argv.length === 1 && /\s/.test(only.trim());
  const words = isTitle ? only.slice(0, MAX_PATH_LENGTH).trim().split(/\s+/) : argv;
  return words.slice(0, MAX_WORDS).map((word) => word.slice(0, MAX_WORD_LENGTH));
}

function programOf(
  { exe, comm }: ProcessSighting,
  words: readonly string[],
  lists: Lists,
): string | undefined {
  const own = baseName(exe);
  // One file goes by many names; which of them is meant only the title tells.
  if (own !== undefined && !lists.has("multiCall", own)) return own;
  return baseName(words[0]) ?? own ?? baseName(comm);
}

/** `python -m sshuttle`. */
function moduleOf(process: ProcessSighting, program: string | undefined): string | undefined {
  if (program === undefined || !PYTHON.test(program)) return undefined;
  return invocationOf(process).module?.split(".", 1)[0]?.toLowerCase();
}

const PYTHON = /^(?:python|pypy)/;

/** The file that an interpreter runs. */
function scriptOf(
  process: ProcessSighting,
  program: string | undefined,
  lists: Lists,
): string | undefined {
  if (program === undefined || !isListed("interpreters", program, lists)) return undefined;
  if (!PYTHON.test(program)) return scriptFile(process.argv?.slice(1, 8) ?? []);
  // Of Python's options some take a value: the script is the argument of the name that was found.
  const name = invocationOf(process).program;
  return process.argv?.slice(1, 64).find((arg) => baseName(arg) === name);
}

/** `bash -c '…'` and `perl -e '…'` run no file. */
function scriptFile(args: readonly string[]): string | undefined {
  const at = args.findIndex((arg) => !arg.startsWith("-"));
  return /^-[a-z]*[ceE]$/.test(args[at - 1] ?? "") ? undefined : args[at];
}

/** Whoever holds a device is no editor, whatever his name, nor is a copy that lies elsewhere. */
function roleOf(process: ProcessSighting, file: string | undefined, lists: Lists): Role {
  const name = baseName(file);
  if (name === undefined || holdsDevice(process)) return "plain";
  if (file?.includes("/") && !isPackaged(file, lists)) return "plain";
  if (process.exe !== undefined && !isPackaged(process.exe, lists)) return "plain";
  if (isListed("readers", name, lists)) return "reader";
  return isListed("runners", name, lists) ? "runner" : "plain";
}

export function holdsDevice(process: ProcessSighting): boolean {
  const { holdsDevice: holds, smUtil, memUsedBytes } = process;
  return holds === true || smUtil !== undefined || memUsedBytes !== undefined;
}

export function isPackaged(path: string, lists: Lists): boolean {
  return isBelow(path, "packagePlaces", lists);
}

/** Whether a path lies in one of the directories of a list, at any depth. */
export function isBelow(path: string, group: "packagePlaces" | "oddPlaces", lists: Lists): boolean {
  const bounded = path.slice(0, MAX_PATH_LENGTH);
  for (let at = bounded.indexOf("/", 1); at > 0; at = bounded.indexOf("/", at + 1))
    if (lists.has(group, bounded.slice(0, at))) return true;
  return false;
}

/** A name as listed, or with what a distribution adds to it: `python3.11`, `vim.basic`, `gcc-12`. */
export function isListed(group: Parameters<Lists["has"]>[0], name: string, lists: Lists): boolean {
  return stemsOf(name).some((stem) => lists.has(group, stem));
}

function stemsOf(name: string): string[] {
  const undotted = name.slice(0, dotOf(name));
  return [name, undotted, undotted.replace(/[-\d]+$/, "")];
}

function dotOf(name: string): number | undefined {
  const dot = name.indexOf(".", 1);
  return dot < 0 ? undefined : dot;
}

const DELETED = " (deleted)";
const MAX_NAME_LENGTH = 128;

/** `/opt/bin/T-Rex (deleted)` → `t-rex`; undefined where nothing or too much is left. */
export function baseName(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  const whole = undeleted(path.slice(0, MAX_PATH_LENGTH));
  const name = whole.slice(whole.lastIndexOf("/") + 1);
  return name !== "" && name.length <= MAX_NAME_LENGTH ? name.toLowerCase() : undefined;
}

export function undeleted(path: string): string {
  return isDeleted(path) ? path.slice(0, -DELETED.length) : path;
}

export function isDeleted(path: string): boolean {
  return path.endsWith(DELETED);
}
