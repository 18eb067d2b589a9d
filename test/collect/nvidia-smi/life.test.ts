import { spawn } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createNvidiaSmiCollector } from "../../../src/collect/nvidia-smi/collector.ts";
import { AT, loopPid, of, ready, rig } from "./rig.ts";
import { BUSY, isAlive, until } from "./stand-in.ts";
import { temporaryFolder } from "../../support/temporary.ts";

describe("a run that goes wrong", () => {
  it("is told of by the tick after it has ended, with its last words", async () => {
    const made = await ready();
    await made.collector.collect(AT);
    made.smi.script({ loop: { raw: "Unable to determine the device handle for GPU 0\n" } });
    await new Promise((resolve) => setTimeout(resolve, 150));
    made.smi.script({ loop: "die" });
    const failure = await until(() => made.collector.collect(AT).then(() => undefined, String));
    expect(failure).toMatch(/exit code 9: Unable to determine the device handle/);
  });

  it("is killed after 5 s of silence, and not before", async () => {
    const made = await ready({ gpus: [BUSY] });
    made.smi.script({ loop: "silent" });
    await new Promise((resolve) => setTimeout(resolve, 150));
    made.clock.ms = 5000;
    await made.collector.collect(AT);
    made.clock.ms = 5001;
    await expect(made.collector.collect(AT)).rejects.toThrow(/no row for 5001 ms/);
    expect(isAlive(loopPid(made.smi))).toBe(false);
  });

  it("is stopped where a line has no end", async () => {
    const made = await ready();
    made.smi.script({ loop: { raw: "x".repeat(20_000) } });
    const failure = await until(() => made.collector.collect(AT).then(() => undefined, String));
    expect(failure).toMatch(/longer than 64 KiB/);
  });

  it("leaves no row of which the end is missing", async () => {
    const smi = join(temporaryFolder("nvidia-smi"), "nvidia-smi");
    const list = 'echo "GPU 0: A (UUID: GPU-0)"; exit';
    const rows = 'echo "index, uuid, utilization.gpu [%]"; echo "0, GPU-0, 100"';
    // Cut off after "10" of "100", with the program still there.
    const cut = `printf "0, GPU-0, 10"; exec sleep 9 >&-`;
    const program = `case "$*" in *-L*) ${list};; *apps*) exit;; esac; ${rows}; ${cut}`;
    writeFileSync(smi, `#!/bin/sh\n${program}\n`);
    chmodSync(smi, 0o755);
    const settings = { node: "n1", intervalMs: 50, path: smi };
    const collector = createNvidiaSmiCollector(settings, { monotonicMs: () => 0 });
    await collector.open();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(of("gpu", await collector.collect(AT))).toEqual([
      { kind: "gpu", atMs: AT, gpu: 0, gpuUtil: 1 },
    ]);
    await collector.close();
  });

  it("can be opened again", async () => {
    const made = await ready();
    made.smi.script({ loop: "die" });
    await until(() => made.collector.collect(AT).then(() => undefined, String));
    made.smi.script({ loop: "rows" });
    await made.collector.close();
    expect(await made.collector.open()).toMatchObject({ status: "ready" });
    expect(of("node", await made.collector.collect(AT))).toHaveLength(1);
  });
});

describe("closing", () => {
  it("ends every child", async () => {
    const made = await ready();
    await made.collector.close();
    expect(made.smi.calls().filter(({ pid }) => isAlive(pid))).toEqual([]);
    await expect(made.collector.collect(AT)).rejects.toThrow(/not open/);
  });

  it("kills one that takes no notice of SIGTERM", async () => {
    const made = rig({ loop: "deaf" });
    const opening = made.collector.open().catch(String);
    const pid = await until(() => loopPid(made.smi) || undefined);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const startedMs = performance.now();
    await made.collector.close();
    expect(performance.now() - startedMs).toBeGreaterThan(900);
    expect(isAlive(pid)).toBe(false);
    expect(await opening).toMatch(/closed it/);
  });

  it("is not needed where the agent was killed: the next row ends nvidia-smi", async () => {
    const folder = temporaryFolder("nvidia-smi");
    const smi = join(folder, "nvidia-smi");
    // A shell ends by SIGPIPE as any program does; Node would ignore the signal.
    const turn = 'echo "0, GPU-0"; sleep 0.05';
    const list = 'echo "GPU 0: A (UUID: GPU-0)"; exit';
    const program = `case "$*" in *-L*) ${list};; *apps*) exit;; esac; echo "index, uuid"; echo $$ > ${folder}/pid; while true; do ${turn}; done`;
    writeFileSync(smi, `#!/bin/sh\n${program}\n`);
    chmodSync(smi, 0o755);
    const module = new URL("../../../src/collect/nvidia-smi/collector.ts", import.meta.url).href;
    const agent = `
      const { createNvidiaSmiCollector } = await import(${JSON.stringify(module)});
      const settings = { node: "n1", intervalMs: 50, path: ${JSON.stringify(smi)} };
      const collector = createNvidiaSmiCollector(settings, { monotonicMs: () => performance.now() });
      console.log((await collector.open()).status);
    `;
    const args = ["--import", "tsx", "--input-type=module", "-e", agent];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const said = await new Promise<string>((resolve) => child.stdout.once("data", resolve));
    expect(String(said)).toBe("ready\n");
    const pid = Number(readFileSync(join(folder, "pid"), "utf8"));
    expect(isAlive(pid)).toBe(true);
    child.kill("SIGKILL");
    await until(() => (isAlive(pid) ? undefined : true));
  });
});
