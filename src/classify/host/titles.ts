import type { ProcessSighting } from "../../model/sample.ts";
import { sanitize } from "../../model/text.ts";
import { baseName, holdsDevice, isListed } from "./command.ts";
import type { Lists } from "./lists.ts";

/**
 * A title or short name that is not the executable's. Interpreters, servers that write their state
 * into their titles and links under another name are ordinary; to look like a thread of the kernel
 * or a system's service is not, and neither is another name on a GPU. It weighs nothing.
 */
export function titleMismatch(process: ProcessSighting, lists: Lists): string | undefined {
  const { exe, argv, comm } = process;
  const name = exe?.startsWith("/memfd:") ? undefined : baseName(exe);
  const title = argv?.[0];
  if (name === undefined) return undefined;
  const claim = claimOf(name, title, comm, process, lists);
  if (claim === undefined) return undefined;
  return `calls itself ${sanitize(claim, 80)}, and runs ${sanitize(exe ?? "", 160)}`;
}

/** What it claims to be and is not. */
function claimOf(
  exeName: string,
  title: string | undefined,
  comm: string | undefined,
  process: ProcessSighting,
  lists: Lists,
): string | undefined {
  // Threads of the kernel have neither executable nor arguments.
  if (title !== undefined && /^\[[^\]]{1,64}\]$/.test(title)) return title;
  const names = [headOf(title), headOf(comm)];
  const disguise = names.find(
    (name) => name !== undefined && lists.has("impersonated", name) && !isSame(name, exeName),
  );
  if (disguise !== undefined && !lists.has("multiCall", exeName)) return disguise;
  const head = names[0];
  if (head === undefined || isSame(head, exeName) || !holdsDevice(process)) return undefined;
  if (["interpreters", "multiCall", "ownTitles"].some((group) => isOf(group, exeName, lists)))
    return undefined;
  // `ray::Worker`, `VLLM::EngineCore`: written over the arguments, and by many.
  if (title?.includes("::") || isOf("ownTitles", head, lists)) return undefined;
  return title;
}

function isOf(group: string, name: string, lists: Lists): boolean {
  if (group !== "interpreters" && group !== "multiCall" && group !== "ownTitles") return false;
  return isListed(group, name, lists);
}

/** `-bash`, `nginx: worker process`, `/usr/sbin/sshd -D` and `(sd-pam)` by their first word's name. */
function headOf(title: string | undefined): string | undefined {
  const word = title?.slice(0, 1024).trim().split(/[\s:]/, 1)[0];
  return baseName(word?.replace(/^[-(]/, "").replace(/\)$/, ""));
}

/** The short name is cut at fifteen characters, and versions follow names: `python3`, `python3.11`. */
function isSame(one: string, other: string): boolean {
  return one.startsWith(other) || other.startsWith(one);
}
