/**
 * What one reading of each registry costs: 200 pods with a container each, 200 containers of each
 * engine, a prolog's files for 8 GPUs, on real sockets served by another process. Prints processor
 * milliseconds of this process (all its threads) and the longest time that its loop was held.
 * Usage: tsx bench/host/registries.ts [COUNT]
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import type { Collector } from "../../src/collect/contract.ts";
import { createRegistryCollectors } from "../../src/collect/registry/all.ts";
import {
  container,
  listing,
  serveEngine,
} from "../../test/collect/registry/support/engine-server.ts";
import {
  answering,
  kubeletMethod,
  serveGrpc,
} from "../../test/collect/registry/support/grpc-server.ts";
import { machine } from "../machine.ts";

const READINGS = 50;
const WARM_UP = 20;
/** Bytes of a container's specification, which containerd sends along. */
const SPEC_BYTES = 8000;

const [count = "200", folderToServe] = process.argv.slice(2);
if (folderToServe === undefined) await main(Number(count));
else await serve(Number(count), folderToServe);

function idOf(i: number): string {
  return i.toString(16).padStart(64, "a");
}

async function serve(containers: number, folder: string): Promise<void> {
  const numbers = Array.from({ length: containers }, (_, i) => i);
  const labels = Object.fromEntries(
    numbers.slice(0, 10).map((i) => [`org.example.label-${i}`, "x"]),
  );
  const pods = numbers.map((i) => ({
    name: `train-${i}`,
    namespace: "ml",
    containers: [
      { name: "main", devices: [{ resourceName: "nvidia.com/gpu", deviceIds: [`GPU-${i}-0000`] }] },
    ],
  }));
  await serveGrpc(join(folder, "kubelet.sock"), [kubeletMethod({ handle: answering(pods) })]);
  const listed = numbers.map((i) => container("a", { Id: idOf(i), Labels: labels }));
  await serveEngine(join(folder, "docker.sock"), listing(...listed));
  await serveEngine(join(folder, "podman.sock"), listing(...listed));
  const spec = Buffer.alloc(SPEC_BYTES, 7);
  await serveGrpc(join(folder, "containerd.sock"), [
    {
      path: "/containerd.services.namespaces.v1.Namespaces/List",
      response: "ListNamespacesResponse",
      handle: (_, answer) => answer({ namespaces: [{ name: "k8s.io" }] }),
    },
    {
      path: "/containerd.services.containers.v1.Containers/List",
      response: "ListContainersResponse",
      handle: (_, answer) =>
        answer({ containers: numbers.map((i) => ({ id: idOf(i), labels, image: "x", spec })) }),
    },
  ]);
  process.send?.("ready");
}

function writeNode(folder: string, containers: number): void {
  for (const name of ["log/pods", "log/containers", "jobs"])
    mkdirSync(join(folder, name), { recursive: true, mode: 0o755 });
  for (let i = 0; i < containers; i += 1) {
    const pod = `ml_train-${i}_${i.toString(16).padStart(32, "0")}`;
    mkdirSync(join(folder, "log/pods", pod));
    const link = join(folder, "log/containers", `train-${i}_ml_main-${idOf(i)}.log`);
    symlinkSync(`/var/log/pods/${pod}/main/0.log`, link);
  }
  for (let gpu = 0; gpu < 8; gpu += 1)
    writeFileSync(join(folder, "jobs", String(gpu)), `471${gpu} 1001\n`, { mode: 0o644 });
}

async function main(containers: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "registries-"));
  writeNode(folder, containers);
  const args = [String(containers), folder];
  const server = fork(fileURLToPath(import.meta.url), args);
  try {
    await once(server, "message");
    const at = (name: string): string => join(folder, name);
    const collectors = createRegistryCollectors(
      {
        intervalMs: 0,
        timeoutMs: 20_000,
        labels: [],
        procRoot: "/proc",
        sysRoot: "/sys",
        kubelet: { enabled: true, socket: at("kubelet.sock"), logRoot: at("log") },
        docker: { enabled: true, socket: at("docker.sock") },
        podman: { enabled: true, socket: at("podman.sock"), userRoot: at("user") },
        containerd: { enabled: true, socket: at("containerd.sock") },
        jobs: { enabled: true, directory: at("jobs"), scheduler: "slurm" },
      },
      {},
    );
    const { cpu, cores, loadBefore } = machine();
    process.stdout.write(`${cpu}, ${cores} cores, load ${loadBefore.toFixed(1)} before\n`);
    for (const collector of collectors) process.stdout.write(await lineOf(collector));
  } finally {
    server.kill();
    rmSync(folder, { recursive: true });
  }
}

async function lineOf(collector: Collector): Promise<string> {
  const opened = await collector.open();
  if (opened.status === "absent") return `${collector.name}: ${opened.reason}\n`;
  const [first] = await collector.collect(0);
  const entries = first?.kind === "registry" ? first.entries.length : 0;
  for (let i = 0; i < WARM_UP; i += 1) await collector.collect(1 + i);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  for (let i = 0; i < READINGS; i += 1) await collector.collect(100 + i);
  const wallMs = (performance.now() - startedMs) / READINGS;
  const { user, system } = process.cpuUsage(cpu);
  delay.disable();
  await collector.close();
  const cpuMs = (user + system) / 1000 / READINGS;
  const worstMs = delay.max / 1e6;
  const figures = `${cpuMs.toFixed(2)} ms CPU, ${wallMs.toFixed(2)} ms waited`;
  return `${collector.name.padEnd(10)} ${entries} entries: ${figures}; loop held ${worstMs.toFixed(1)} ms at most\n`;
}
