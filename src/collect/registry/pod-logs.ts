import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";

/*
 * The kubelet keeps a folder of logs for each pod, and a link for each container, whose names tell
 * what its socket does not: pod uids and container ids. Only names and links are read, no log.
 */

export interface LoggedPod {
  namespace: string;
  name: string;
  uid: string;
}

export interface LoggedContainer {
  namespace: string;
  pod: string;
  container: string;
  /** 64 hexadecimal digits, as in the control group's path. */
  id: string;
  /** Of the pod; absent where the link leads elsewhere. */
  uid?: string | undefined;
  /** When the link was made, which is when the container started. Unix milliseconds. */
  startedAtMs: number;
}

export interface PodLogNames {
  pods: readonly LoggedPod[];
  containers: readonly LoggedContainer[];
}

const MAX_NAMES = 20_000;
/** Links that are looked at at once: the file system is asked, not flooded. */
const LINKS_AT_ONCE = 32;
/** Names in Kubernetes are DNS labels, or several with dots between: never with an underscore. */
const NAME = "[a-z0-9](?:[a-z0-9.-]{0,252})";
const CONTAINER_LINK = new RegExp(`^(${NAME})_(${NAME})_(${NAME})-([0-9a-f]{64})\\.log$`);
/** The uid of a static pod is a hash without dashes. */
const POD_FOLDER = new RegExp(`^(${NAME})_(${NAME})_([0-9a-f-]{32,36})$`);
const LINK_TARGET = /\/pods\/([^/]{1,600})\/[^/]+\/\d+\.log$/;

/** `NAMESPACE_POD_UID`, a folder of `/var/log/pods`. */
export function parsePodFolder(text: string): LoggedPod | undefined {
  const [, namespace, name, uid] = POD_FOLDER.exec(text) ?? [];
  return namespace && name && uid ? { namespace, name, uid } : undefined;
}

/** `POD_NAMESPACE_CONTAINER-ID.log`, a link of `/var/log/containers`. */
export function parseContainerLink(
  text: string,
): Pick<LoggedContainer, "namespace" | "pod" | "container" | "id"> | undefined {
  const [, pod, namespace, container, id] = CONTAINER_LINK.exec(text) ?? [];
  return namespace && pod && container && id ? { namespace, pod, container, id } : undefined;
}

/** Reads the names below a root such as `/var/log`. A folder that is not there holds none. */
export class PodLogs {
  readonly #root: string;
  /** A link leads to one place as long as it is there, since its name holds the container's id. */
  #known = new Map<string, LoggedContainer>();

  constructor(root: string) {
    this.#root = root;
  }

  /** Whether there are any, and may be listed. */
  async isThere(): Promise<boolean> {
    const folders = ["containers", "pods"].map((name) => namesIn(join(this.#root, name)));
    return (await Promise.all(folders)).some((names) => names !== undefined);
  }

  async read(): Promise<PodLogNames> {
    const [folders = [], links = []] = await Promise.all([
      namesIn(join(this.#root, "pods")),
      namesIn(join(this.#root, "containers")),
    ]);
    const pods = folders.flatMap((name) => parsePodFolder(name) ?? []);
    const known = new Map<string, LoggedContainer>();
    for (let from = 0; from < links.length; from += LINKS_AT_ONCE) {
      const batch = links.slice(from, from + LINKS_AT_ONCE);
      const unknown: string[] = [];
      for (const name of batch) {
        const before = this.#known.get(name);
        if (before) known.set(name, before);
        else unknown.push(name);
      }
      const found = await Promise.all(unknown.map(async (name) => this.#look(name)));
      for (const [i, one] of found.entries()) if (one) known.set(unknown[i] ?? "", one);
    }
    this.#known = known;
    return { pods, containers: [...known.values()] };
  }

  async #look(name: string): Promise<LoggedContainer | undefined> {
    const parsed = parseContainerLink(name);
    if (!parsed) return undefined;
    const path = join(this.#root, "containers", name);
    try {
      const { mtimeMs } = await lstat(path);
      const target = await readlink(path).catch(() => "");
      const folder = parsePodFolder(LINK_TARGET.exec(target)?.[1] ?? "");
      const isIts = folder?.namespace === parsed.namespace && folder.name === parsed.pod;
      return { ...parsed, ...(isIts && { uid: folder.uid }), startedAtMs: mtimeMs };
    } catch {
      // Gone since it was listed.
      return undefined;
    }
  }
}

async function namesIn(path: string): Promise<string[] | undefined> {
  try {
    return (await readdir(path)).slice(0, MAX_NAMES);
  } catch {
    return undefined;
  }
}
