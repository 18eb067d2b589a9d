import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boundaryOf } from "../../../src/collect/host/boundary.ts";

const HEX = "0123456789abcdef".repeat(4);
const POD = "12345678-1234-1234-1234-123456789abc";
const own = (path: string) => ({ path, isShared: false });
const shared = (path: string) => ({ path, isShared: true });

describe("the boundary that a cgroup path lies in", () => {
  it.each([
    [`/docker/${HEX}`, own(`/docker/${HEX}`)],
    [`/system.slice/docker-${HEX}.scope/init`, own(`/system.slice/docker-${HEX}.scope`)],
    [`/machine.slice/libpod-${HEX}.scope/container`, own(`/machine.slice/libpod-${HEX}.scope`)],
    // One inside cannot cut itself off with a group that looks like a container.
    [`/docker/${HEX}/x/${HEX}`, own(`/docker/${HEX}`)],
    [`/kubepods/burstable/pod${POD}/${HEX}`, own(`/kubepods/burstable/pod${POD}`)],
    [
      `/kubepods.slice/kubepods-pod${POD.replaceAll("-", "_")}.slice/cri-containerd-${HEX}.scope`,
      own(`/kubepods.slice/kubepods-pod${POD.replaceAll("-", "_")}.slice`),
    ],
    // A node that is itself a container: the pod says more.
    [`/docker/${HEX}/kubepods/pod${POD}/${HEX}`, own(`/docker/${HEX}/kubepods/pod${POD}`)],
    ["/slurm/uid_1000/job_42/step_0", own("/slurm/uid_1000/job_42")],
    [
      "/system.slice/slurmstepd.scope/job_42/step_0/user",
      own("/system.slice/slurmstepd.scope/job_42"),
    ],
    [
      "/user.slice/user-1000.slice/session-3.scope",
      own("/user.slice/user-1000.slice/session-3.scope"),
    ],
    ["/system.slice/jupyterhub.service", shared("/system.slice/jupyterhub.service")],
    [
      "/user.slice/user-1000.slice/user@1000.service/app.slice/vllm.service",
      shared("/user.slice/user-1000.slice/user@1000.service/app.slice/vllm.service"),
    ],
  ])("%s", (path, boundary) => {
    expect(boundaryOf(path)).toEqual(boundary);
  });

  it.each([
    "/",
    "",
    "/user.slice",
    "/init.scope",
    "/system.slice/ssh.service",
    "/system.slice/sshd.service",
    "/system.slice/docker.service",
    "/system.slice/slurmd.service",
    "/system.slice/system-getty.slice/getty@tty1.service",
    "/user.slice/user-1000.slice/user@1000.service/init.scope",
    `/docker/${HEX.slice(1)}`,
    `/docker/x${HEX}`,
    "/slurm/uid_1000",
  ])("is none that says who belongs together: %s", (path) => {
    expect(boundaryOf(path)).toBeUndefined();
  });

  it("is the beginning of the path, whatever that is", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (parts) => {
        const path = `/${parts.join("/")}`;
        const found = boundaryOf(path)?.path ?? "";
        expect(path === found || path.startsWith(`${found}/`) || found === "").toBe(true);
      }),
    );
  });
});
