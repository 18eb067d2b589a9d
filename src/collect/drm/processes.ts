import type { ProcessSighting } from "../../model/sample.ts";
import type { HeldClient } from "./holders.ts";
import type { KfdProcesses, KfdUse } from "./kfd.ts";
import { locationOf, type DrmDriver } from "./parse.ts";
import {
  hasWorked,
  isPresent,
  sumShares,
  useOf,
  type ClientRates,
  type EngineShares,
} from "./rates.ts";

/** Pure: who is on which card, out of the clients and what AMD's compute driver tells. */

/** A client with its shares since the last look. */
export interface RatedClient extends HeldClient {
  rates: ClientRates;
}

/** Everything that is known of the users of one card. */
export interface CardUsers {
  clients: readonly RatedClient[];
  /** By process. */
  kfd: ReadonlyMap<number, KfdUse>;
}

export function usersOf(
  slot: string,
  clients: readonly RatedClient[],
  kfd: KfdProcesses | undefined,
): CardUsers {
  const location = locationOf(slot);
  const uses = new Map<number, KfdUse>();
  for (const [pid, devices] of kfd ?? []) {
    const use = devices.get(location);
    if (use) uses.set(pid, use);
  }
  return { clients: clients.filter(({ client }) => client.slot === slot), kfd: uses };
}

/**
 * The processes on a card. One that merely holds it open is not on it: ROCm opens every card of the
 * node, whichever it then uses.
 *
 * A process on AMD's compute queues has work that nothing counts. On a card with such a process no
 * use is told of anyone: the others' small shares would look like all there was.
 * @param kfdTells whether AMD's compute driver names its processes
 */
export function sightingsOf({ clients, kfd }: CardUsers, kfdTells: boolean): ProcessSighting[] {
  const byPid = new Map<number, RatedClient[]>();
  for (const pid of kfd.keys()) byPid.set(pid, []);
  for (const held of clients) byPid.set(held.pid, [...(byPid.get(held.pid) ?? []), held]);
  const present = [...byPid].filter(
    ([pid, held]) => isComputing(kfd.get(pid)) || held.some((one) => isUsing(one, kfdTells)),
  );
  const isUncounted = present.some(
    ([pid, held]) => isComputing(kfd.get(pid)) || (!kfdTells && held.some(holdsKfd)),
  );
  return present
    .sort(([a], [b]) => a - b)
    .map(([pid, held]) => sighting(pid, held, kfd.get(pid), isUncounted));
}

function isComputing(use: KfdUse | undefined): boolean {
  return use !== undefined && (use.hasQueue || (use.vramBytes ?? 0) > 0);
}

function holdsKfd({ usesKfd, client }: HeldClient): boolean {
  return usesKfd && client.driver === "amdgpu";
}

function isUsing(held: HeldClient, kfdTells: boolean): boolean {
  // What a compute process holds on a card without computing there is what opening it takes.
  if (kfdTells && holdsKfd(held)) return hasWorked(held.client);
  return isPresent(held.client) !== false;
}

function sighting(
  pid: number,
  held: readonly RatedClient[],
  use: KfdUse | undefined,
  isUncounted: boolean,
): ProcessSighting {
  const memUsedBytes = largerOf(memoryOf(held), use?.vramBytes);
  return {
    pid,
    ...(isUncounted ? {} : useOf(sumShares(held.map(({ rates }) => rates.shares)))),
    ...(memUsedBytes !== undefined && { memUsedBytes }),
  };
}

/** A process's compute memory is bound to one of its clients as well: the larger, not the sum. */
function largerOf(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}

/** Memory of the card that the clients hold; absent where none of them tells. */
export function memoryOf(held: readonly HeldClient[]): number | undefined {
  const known = held.flatMap(({ client }) => client.memoryBytes ?? []);
  return known.length === 0 ? undefined : known.reduce((sum, bytes) => sum + bytes, 0);
}

/**
 * How busy an Intel card was, by its clients: no file tells it. An engine runs one client at a time,
 * so their sum is its use, and the busiest engine is what surely was used. Work of a client that came
 * and went between two looks is missing in it.
 * @returns undefined where a client's share is not known yet
 */
export function utilOfClients(
  driver: DrmDriver,
  clients: readonly RatedClient[],
): number | undefined {
  if (driver === "amdgpu" || clients.some(({ rates }) => rates.pending)) return undefined;
  const shares: EngineShares[] = clients.map(({ rates }) => rates.shares);
  return useOf(sumShares(shares)).smUtil ?? (clients.length === 0 ? 0 : undefined);
}
