import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { findingText } from "../../src/cli/doctor-text.ts";
import { registryFindings } from "../../src/cli/doctor-registries.ts";
import { createRegistryCollectors } from "../../src/collect/registry/all.ts";
import {
  answering,
  type Handler,
  kubeletMethod,
  serveGrpc,
} from "../collect/registry/support/grpc-server.ts";
import { container, listing, serveEngine } from "../collect/registry/support/engine-server.ts";
import { temporaryFolder } from "../support/temporary.ts";

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** A node where everything is in one folder. */
function node(timeoutMs = 20_000) {
  const folder = temporaryFolder("doctor");
  const at = (name: string): string => join(folder, name);
  const settings = {
    intervalMs: 10_000,
    timeoutMs,
    labels: [],
    procRoot: "/proc",
    sysRoot: at("sys"),
    kubelet: { enabled: true, socket: at("kubelet.sock"), logRoot: at("log") },
    docker: { enabled: true, socket: at("docker.sock") },
    podman: { enabled: true, socket: at("podman.sock"), userRoot: at("user") },
    containerd: { enabled: true, socket: at("containerd.sock") },
    jobs: { enabled: true, directory: at("jobs"), scheduler: "slurm" },
  };
  const look = async (only?: string) => {
    const found = await registryFindings(
      (deps) => createRegistryCollectors(settings, deps),
      () => 1_800_000_000_000.5,
    );
    return found.filter(({ name }) => only === undefined || name.includes(only));
  };
  const kubelet = async (handle: Handler) =>
    void stops.push(await serveGrpc(at("kubelet.sock"), [kubeletMethod({ handle })]));
  return { at, look, settings, kubelet };
}

describe("the doctor, of who tells the owners", () => {
  it("says of each what is not there", async () => {
    const { look, at } = node();
    const found = await look();
    expect(found.map(({ name, status }) => [name, status])).toEqual([
      ["owners (Kubernetes)", "missing"],
      ["owners (Docker)", "missing"],
      ["owners (podman)", "missing"],
      ["owners (containerd)", "missing"],
      ["owners (a scheduler's prolog)", "missing"],
    ]);
    expect(found[4]).toMatchObject({ detail: `there is no ${at("jobs")}`, hints: [] });
  });

  it("counts what is told", async () => {
    const { look, at, kubelet } = node();
    const devices = [{ resourceName: "nvidia.com/gpu", deviceIds: ["GPU-0001", "GPU-0002"] }];
    await kubelet(
      answering([{ name: "a", namespace: "ml", containers: [{ name: "m", devices }] }]),
    );
    stops.push(
      (await serveEngine(at("docker.sock"), listing(container("a"), container("b")))).stop,
    );
    stops.push((await serveEngine(at("podman.sock"), listing())).stop);
    mkdirSync(at("jobs"), { mode: 0o755 });
    writeFileSync(join(at("jobs"), "0"), "4711\n4712\n", { mode: 0o644 });
    const found = await look();
    expect(found.map(({ status, detail }) => [status, detail])).toEqual([
      ["ok", `${at("kubelet.sock")}: 1 container, 2 GPUs given out`],
      ["ok", `${at("docker.sock")}: 2 containers`],
      ["ok", `${at("podman.sock")}: nothing runs`],
      ["missing", `there is no ${at("containerd.sock")}`],
      ["ok", `${at("jobs")}: 2 jobs, 1 GPU given out`],
    ]);
  });

  it("says what is to be mended: a hanging socket, a folder and files that others may write", async () => {
    const { look, at, kubelet } = node(300);
    await kubelet(() => undefined);
    mkdirSync(at("jobs"), { mode: 0o755 });
    for (const name of ["0", "1"]) writeFileSync(join(at("jobs"), name), "4711\n");
    chmodSync(join(at("jobs"), "0"), 0o666);
    const [kubernetes] = await look("Kubernetes");
    expect(kubernetes).toMatchObject({
      status: "failing",
      detail: "kubelet: no answer within 300 ms",
      hints: [expect.stringContaining("kubelet")],
    });
    expect(await look("prolog")).toMatchObject([
      {
        status: "failing",
        detail: expect.stringMatching(/1 job, 1 GPU.*file 0 may be written by others/),
        hints: [expect.stringContaining("docs/registries.md")],
      },
    ]);
    chmodSync(at("jobs"), 0o777);
    expect(await look("prolog")).toMatchObject([
      { status: "failing", hints: [expect.stringContaining("chmod 755")] },
    ]);
  });

  it.skipIf(process.getuid?.() !== 0)("says which privilege is missing (needs root)", async () => {
    const { look, at } = node();
    stops.push((await serveEngine(at("docker.sock"), listing())).stop);
    chmodSync(at("."), 0o755);
    chmodSync(at("docker.sock"), 0o600);
    process.seteuid?.(65_534);
    try {
      const [docker] = await look("Docker");
      expect(docker).toMatchObject({ status: "missing" });
      expect(docker && findingText(docker)).toMatch(
        /may not be opened by this user\n +hint: run as/,
      );
    } finally {
      process.seteuid?.(0);
    }
  });
});
