import type { ProcessSighting } from "../../model/sample.ts";
import { holdsDevice } from "./command.ts";
import { oddExecution } from "./execution.ts";
import { noFramework } from "./framework.ts";
import type { Lists } from "./lists.ts";
import { type Signs, signsOf } from "./signs.ts";
import { titleMismatch } from "./titles.ts";
import type { Tunnel } from "./tunnel-programs.ts";
import { tunnelOf } from "./tunnel.ts";
import { setNewest } from "../../model/recent.ts";

/** All that one process gives away by itself; sentences go on after its name, and are escaped. */
export interface Look {
  signs: Signs;
  tunnel: Tunnel | undefined;
  oddExecution: string | undefined;
  titleMismatch: string | undefined;
  noFramework: string | undefined;
}

/** Looks kept in mind for a set of lists, and the longest description of a process that is. */
const MAX_KEPT = 8192;
const MAX_KEY_LENGTH = 8192;

interface Kept {
  bySighting: WeakMap<ProcessSighting, Look>;
  byDescription: Map<string, Look>;
}

const kept = new WeakMap<Lists, Kept>();

/** A node's processes are the same from window to window: what is described alike is looked at once. */
export function lookAt(process: ProcessSighting, lists: Lists): Look {
  const own = kept.get(lists) ?? { bySighting: new WeakMap(), byDescription: new Map() };
  kept.set(lists, own);
  const look = own.bySighting.get(process) ?? lookOnce(process, lists, own.byDescription);
  own.bySighting.set(process, look);
  return look;
}

function lookOnce(process: ProcessSighting, lists: Lists, looks: Map<string, Look>): Look {
  const key = descriptionOf(process);
  const known = looks.get(key);
  if (known) return known;
  const look = lookAnew(process, lists);
  if (key.length > MAX_KEY_LENGTH) return look;
  setNewest(looks, key, look, MAX_KEPT);
  return look;
}

function lookAnew(process: ProcessSighting, lists: Lists): Look {
  return {
    signs: signsOf(process, lists),
    tunnel: tunnelOf(process, lists),
    oddExecution: oddExecution(process, lists),
    titleMismatch: titleMismatch(process, lists),
    noFramework: noFramework(process, lists),
  };
}

/** Everything that a look goes by, and nothing else. */
function descriptionOf(process: ProcessSighting): string {
  const { exe, comm, argv, cgroup, environ, mapped } = process;
  const held = [holdsDevice(process), process.holdsDevice];
  return JSON.stringify([exe, comm, argv, cgroup, environ && Object.keys(environ), mapped, held]);
}
