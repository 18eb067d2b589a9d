import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { ENGINE_USER_LABEL, type RegistryEntry } from "../../model/sample.ts";
import type { OpenResult } from "../contract.ts";
import { registryError, type RegistryDeps, type RegistryReader } from "./collector.ts";
import { containerEntry, listContainers } from "./engine-containers.ts";
import type { LabelFilter } from "./labels.ts";
import { OnceTold } from "./once.ts";
import { lookAtSocket } from "./socket.ts";

export interface PodmanSettings {
  /** Of the system's service. */
  socket: string;
  /** Where users have theirs, in `UID/podman/podman.sock`: `/run/user`. */
  userRoot: string;
  labels: LabelFilter;
  timeoutMs: number;
}

const MAX_USERS = 64;
const HINT = "run as root: users' sockets open for nobody else";

interface UserSocket {
  uid: number;
  path: string;
}

/**
 * Podman's containers: those of the system's service, and those of the users who run one of their own.
 * A user's service says what its user likes. So its labels are not taken, what it says is marked, and
 * an id that the system's service or another user claims, too, is not taken from it.
 */
export class PodmanReader implements RegistryReader {
  readonly #settings: PodmanSettings;
  readonly #once: OnceTold;
  #life = new AbortController();
  /** The system's service was there: it is missed where it is not. */
  #hasSystem = false;

  constructor(settings: PodmanSettings, { onNotice }: RegistryDeps) {
    this.#settings = settings;
    this.#once = new OnceTold(onNotice);
  }

  async open(): Promise<OpenResult> {
    await this.close();
    this.#life = new AbortController();
    const { socket, userRoot, timeoutMs } = this.#settings;
    const [found, users] = await Promise.all([
      lookAtSocket(socket, timeoutMs),
      listUsers(userRoot),
    ]);
    this.#hasSystem = found.status === "listening";
    if (found.status !== "listening" && users.length === 0) {
      const hint = found.status === "denied" ? HINT : undefined;
      return { status: "absent", reason: found.reason, hint };
    }
    await this.read();
    const owners = users.map(({ uid }) => `user ${uid}`);
    const detail = [...(this.#hasSystem ? [socket] : []), ...owners].join(", ");
    return { status: "ready", detail };
  }

  async read(): Promise<readonly RegistryEntry[]> {
    const { userRoot } = this.#settings;
    const users = await listUsers(userRoot);
    if (!this.#hasSystem && users.length === 0) throw this.#error("no service is left");
    const [system, ...own] = await Promise.all([
      this.#hasSystem ? this.#system() : [],
      ...users.map(async (user) => this.#ofUser(user)),
    ]);
    return [...system, ...undisputed(system, own.flat())];
  }

  async close(): Promise<void> {
    this.#life.abort();
  }

  async #system(): Promise<RegistryEntry[]> {
    const { socket, timeoutMs, labels } = this.#settings;
    try {
      const found = await listContainers(socket, { timeoutMs, signal: this.#life.signal });
      return found.map((one) => containerEntry(one, labels));
    } catch (error) {
      throw this.#error(error instanceof Error ? error.message : String(error), error);
    }
  }

  async #ofUser({ uid, path }: UserSocket): Promise<RegistryEntry[]> {
    const { timeoutMs } = this.#settings;
    try {
      const found = await listContainers(path, { timeoutMs, signal: this.#life.signal });
      return found.map((one) => ({
        ...containerEntry(one),
        labels: { [ENGINE_USER_LABEL]: String(uid) },
      }));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#once.tell(`podman of user ${uid}: ${reason}`, HINT);
      return [];
    }
  }

  #error(message: string, cause?: unknown): Error {
    return registryError("podman", message, { place: this.#settings.socket, cause });
  }
}

/** What users say of containers that nobody else claims. */
function undisputed(
  system: readonly RegistryEntry[],
  own: readonly RegistryEntry[],
): RegistryEntry[] {
  const claims = new Map<string, number>();
  for (const { container } of [...system, ...own])
    if (container?.id) claims.set(container.id, (claims.get(container.id) ?? 0) + 1);
  return own.filter(({ container }) => container?.id && claims.get(container.id) === 1);
}

/** Sockets that are their users' own: nothing is followed that a user may point elsewhere. */
async function listUsers(root: string): Promise<UserSocket[]> {
  const names = await readdir(root).catch(() => []);
  const uids = names.filter((name) => /^\d{1,10}$/.test(name)).slice(0, MAX_USERS);
  const found = await Promise.all(uids.map(async (uid) => userSocket(root, Number(uid))));
  return found.flatMap((one) => one ?? []);
}

async function userSocket(root: string, uid: number): Promise<UserSocket | undefined> {
  const folder = join(root, String(uid), "podman");
  const path = join(folder, "podman.sock");
  try {
    const [inner, socket] = await Promise.all([lstat(folder), lstat(path)]);
    const isOwn = inner.isDirectory() && socket.isSocket() && socket.uid === uid;
    return isOwn ? { uid, path } : undefined;
  } catch {
    return undefined;
  }
}
