/** Pure: which processes of a cgroup tree belong together. */

/** A group of processes that somebody started as one thing. */
export interface Boundary {
  /** The cgroup path of it; whatever lies beneath belongs to it. */
  path: string;
  /**
   * Of a service others may run too (a notebook server for many users): there only processes of the
   * same user belong together.
   */
  isShared: boolean;
}

const POD = /^(?:kubepods.*-)?pod[0-9a-f]{8}[-_][0-9a-f-_]{27}(?:\.slice)?$|^pod[0-9a-f]{32}$/;
const CONTAINER = /(?:^|[-:])[0-9a-f]{64}(?:\.scope)?$/;
const JOB = /^job_\d+|^jobid$|^condor_|^\d+\.[\w.-]+$/;
const LOGIN = /^session-[^/]+\.scope$/;
const UNIT = /\.(?:service|scope)$/;
/** They start processes for everybody, or hold what they could not put elsewhere. */
const HOSTING =
  /^(?:init\.scope|user@\d+\.service|sshd?(?:@.*)?\.service|crond?\.service|docker\.service|containerd\.service|crio\.service|podman\.service|kubelet\.service|k3s.*\.service|rke2.*\.service|slurmd\.service|slurmstepd\.scope|systemd-.*\.service|dbus.*\.service|getty@.*\.service|display-manager\.service)$/;

/**
 * The pod, container, job, login session or unit that a cgroup path lies in; undefined where it says
 * nothing but "on this node". The innermost pod counts, then the outermost container (one inside makes
 * its own subgroups), job, login, and last the innermost unit.
 */
export function boundaryOf(cgroup: string): Boundary | undefined {
  const parts = cgroup.split("/");
  const upTo = (index: number, isShared = false): Boundary => ({
    path: parts.slice(0, index + 1).join("/"),
    isShared,
  });
  const pod = parts.findLastIndex((part) => POD.test(part));
  if (pod > 0) return upTo(pod);
  for (const kind of [CONTAINER, JOB, LOGIN]) {
    const found = parts.findIndex((part) => kind.test(part));
    if (found > 0) return upTo(found);
  }
  const unit = parts.findLastIndex((part) => UNIT.test(part) && !HOSTING.test(part));
  return unit > 0 ? upTo(unit, true) : undefined;
}
