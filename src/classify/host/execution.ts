import type { ProcessSighting } from "../../model/sample.ts";
import { sanitize } from "../../model/text.ts";
import {
  baseName,
  holdsDevice,
  isBelow,
  isDeleted,
  isListed,
  isPackaged,
  undeleted,
} from "./command.ts";
import type { Lists } from "./lists.ts";

const MEMFD = "/memfd:";
/** Segments of a path that are looked at. */
const MAX_SEGMENTS = 128;

/** A program that runs from where programs seldom do. It weighs nothing: updates and tools do it, too. */
export function oddExecution(process: ProcessSighting, lists: Lists): string | undefined {
  const { exe } = process;
  const odd = exe === undefined ? undefined : oddityOf(exe, process, lists);
  return odd === undefined ? undefined : `runs ${odd}: ${sanitize(exe ?? "", 160)}`;
}

function oddityOf(exe: string, process: ProcessSighting, lists: Lists): string | undefined {
  if (exe.startsWith(MEMFD)) return memfdOddity(exe, process, lists);
  const path = undeleted(exe);
  const folders = path.split("/", MAX_SEGMENTS).slice(1, -1);
  const name = baseName(path) ?? "";
  const isOrdinary = isOrdinaryFile(name, folders, holdsDevice(process), lists);
  if (isBelow(path, "oddPlaces", lists) && !isOrdinary) return "from a directory for passing files";
  if (isDeleted(exe) && !isPackaged(path, lists) && !isOrdinary)
    return "from a file that was deleted after it had started";
  const hidden = [...folders, name].find(
    (part) => part.startsWith(".") && !lists.has("ordinaryHidden", part) && !isMount(part),
  );
  return hidden === undefined || isOrdinary ? undefined : "from a hidden file or directory";
}

/** Interpreters in environments, compilers and their trials, AppImages. Of what holds a GPU less is taken for it. */
function isOrdinaryFile(
  name: string,
  folders: readonly string[],
  holds: boolean,
  lists: Lists,
): boolean {
  if (isListed("interpreters", name, lists) || folders.some(isMount)) return true;
  if (holds && folders.at(-1) !== "bin") return false;
  return (
    lists.has("ordinaryBuilders", name) || folders.some((folder) => isOrdinaryFolder(folder, lists))
  );
}

/** `pip-build-env-x1y2` is a `pip-build-env`: temporary names go on after the word. */
function isOrdinaryFolder(folder: string, lists: Lists): boolean {
  const parts = folder.split(/[-_]/, 6).map((_, i, all) => all.slice(0, i + 1).join("-"));
  return [folder, ...parts].some((part) => lists.has("ordinaryInOddPlaces", part));
}

/** Where an AppImage is mounted while it runs. */
function isMount(folder: string): boolean {
  return folder.startsWith(".mount_");
}

/** Container runtimes start themselves from memory, to be safe from the container. They hold no GPU. */
function memfdOddity(exe: string, process: ProcessSighting, lists: Lists): string | undefined {
  const name = undeleted(exe.slice(MEMFD.length)).split(":", 1)[0] ?? "";
  const isOrdinary = [name, process.comm ?? ""].some((each) => lists.has("ordinaryMemfds", each));
  return isOrdinary && !holdsDevice(process) ? undefined : "from memory, without any file";
}
