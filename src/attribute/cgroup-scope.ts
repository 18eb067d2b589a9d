/** What a control group's path says of a process. Root and its managers make these names. */
export type CgroupScope =
  | { kind: "slurm"; job: string; step?: string | undefined; proof: string }
  | {
      kind: "pod";
      /** With dashes, however the path spells it. */
      uid: string;
      containerId?: string | undefined;
      proof: string;
    }
  | {
      kind: "container";
      id: string;
      engine?: string | undefined;
      /** Of a rootless engine: whose tree it is in. He can name what is below as he likes. */
      ownerUid?: number | undefined;
      proof: string;
    }
  | { kind: "unit"; name: string; ownerUid?: number | undefined; proof: string }
  | { kind: "session"; id?: string | undefined; ownerUid: number; proof: string };

/** Longer paths have their tail cut: what counts stands at the front. */
const MAX_PATH = 4096;

const MAX_SCOPES = 1024;
const scopes = new Map<string, CgroupScope | undefined>();

const USER_TREE = /^user(?:-(\d{1,10})\.slice|@(\d{1,10})\.service)$/;
const POD =
  /(?:^|-)pod([0-9a-f]{8})[-_]?([0-9a-f]{4})[-_]?([0-9a-f]{4})[-_]?([0-9a-f]{4})[-_]?([0-9a-f]{12})(?:\.slice)?$/;
const CONTAINER = /^(?:([a-z0-9_.-]{1,32})-)?([0-9a-f]{64})(?:\.scope)?$/;
const SLURM_ROOT = /^(?:.{1,80}_)?slurmstepd\.scope$|^slurm(?:_.{1,80})?$/;

/** Units below which root's own software makes the groups; below any other, its user may. */
const MANAGERS =
  /^(?:.{1,80}_)?slurmstepd\.scope$|^(?:containerd|docker|podman|crio|kubelet|k3s|k3s-agent|rke2-server|rke2-agent)\.service$/;

const ENGINES: ReadonlyMap<string, string> = new Map([
  ["docker", "Docker"],
  ["cri-containerd", "containerd"],
  ["containerd", "containerd"],
  ["nerdctl", "containerd"],
  ["crio", "CRI-O"],
  ["libpod", "podman"],
  ["libpod_parent", "podman"],
]);

/**
 * What a control group says, read from the outside in: the outermost name that is known decides, since
 * whoever is put into a group may be allowed to make groups of any name below it.
 * @param path of `/proc/PID/cgroup`, of either version
 * @returns undefined where it tells nothing
 */
export function scopeOf(path: string): CgroupScope | undefined {
  // A job's processes are hundreds in one group: its path is read once. The same path says the same.
  if (scopes.has(path)) return scopes.get(path);
  const scope = readScope(path);
  if (scopes.size >= MAX_SCOPES) scopes.clear();
  scopes.set(path, scope);
  return scope;
}

function readScope(path: string): CgroupScope | undefined {
  const bounded = path.slice(0, MAX_PATH).replace(/ \(deleted\)$/, "");
  // A colon also parts names (`…-pod1.slice:cri-containerd:3f2a…`); `..` leads out of our own namespace.
  const names = bounded.split(/[/:]/).filter((name) => name !== "" && name !== "..");
  let unit: CgroupScope | undefined;
  for (const [at, name] of names.entries()) {
    const user = USER_TREE.exec(name);
    if (user) return inUserTree(names, at, Number(user[1] ?? user[2]));
    const found = jobAt(names, at) ?? podAt(names, at) ?? containerAt(names, at);
    if (found) return found;
    if (!name.endsWith(".service") && !name.endsWith(".scope")) continue;
    if (name.endsWith(".service")) unit ??= { kind: "unit", name, proof: proofOf(names, at) };
    if (!MANAGERS.test(name)) return unit;
  }
  return unit;
}

function jobAt(names: readonly string[], at: number): CgroupScope | undefined {
  const job = /^job_(\d{1,12})$/.exec(names[at] ?? "")?.[1];
  if (job === undefined) return undefined;
  // Version 1 has the user in between: `/slurm/uid_1000/job_4711`.
  const above = /^uid_\d{1,10}$/.test(names[at - 1] ?? "") ? at - 2 : at - 1;
  if (!SLURM_ROOT.test(names[above] ?? "")) return undefined;
  const step = /^step_(\w{1,20})$/.exec(names[at + 1] ?? "")?.[1];
  return { kind: "slurm", job, step, proof: proofOf(names, step === undefined ? at : at + 1) };
}

function podAt(names: readonly string[], at: number): CgroupScope | undefined {
  const digits = POD.exec(names[at] ?? "")?.slice(1);
  if (!digits) return undefined;
  const inside = names.slice(at + 1, at + 3).map((name) => CONTAINER.exec(name)?.[2]);
  const containerId = inside.find((id) => id !== undefined);
  return { kind: "pod", uid: digits.join("-"), containerId, proof: proofOf(names, at) };
}

function containerAt(
  names: readonly string[],
  at: number,
  ownerUid?: number,
): CgroupScope | undefined {
  const name = names[at] ?? "";
  const above = names[at - 1] ?? "";
  const [, prefix, id] = CONTAINER.exec(name) ?? [];
  const proof = proofOf(names, at);
  // The engine's own process beside the container (`libpod-conmon-…`) is not in it.
  if (id !== undefined && !prefix?.endsWith("conmon"))
    return { kind: "container", id, engine: ENGINES.get(prefix ?? above), ownerUid, proof };
  const lxc = /^lxc\.payload\.(.{1,64})$/.exec(name)?.[1] ?? (above === "lxc" ? name : undefined);
  if (lxc === undefined) return undefined;
  return { kind: "container", id: lxc.slice(0, 64), engine: "LXC", ownerUid, proof };
}

/** Below `user-1000.slice` all is that user's; below his own manager he makes every name himself. */
function inUserTree(names: readonly string[], start: number, ownerUid: number): CgroupScope {
  for (let at = start; at < names.length; at++) {
    const container = containerAt(names, at, ownerUid);
    if (container) return container;
    const name = names[at] ?? "";
    const proof = proofOf(names, at);
    const session = /^session-(\w{1,20})\.scope$/.exec(name)?.[1];
    if (session !== undefined) return { kind: "session", id: session, ownerUid, proof };
    if (name.endsWith(".service") && !USER_TREE.test(name))
      return unitOrContainer(names, at, ownerUid);
  }
  return { kind: "session", ownerUid, proof: proofOf(names, start) };
}

/** A rootless engine runs as a service of its user, with its containers below. */
function unitOrContainer(names: readonly string[], at: number, ownerUid: number): CgroupScope {
  for (let below = at + 1; below < names.length; below++) {
    const container = containerAt(names, below, ownerUid);
    if (container) return container;
  }
  return { kind: "unit", name: names[at] ?? "", ownerUid, proof: proofOf(names, at) };
}

function proofOf(names: readonly string[], last: number): string {
  return `/${names.slice(0, last + 1).join("/")}`;
}
