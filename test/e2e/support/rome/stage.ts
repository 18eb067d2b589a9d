import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/*
 * The stage of the ROME story: two network namespaces with a cable between them and nothing else. In
 * one a coding agent in the cgroup of a Slurm job, in the other a fake pool and a real sshd.
 */

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export const POOL = { address: "10.66.0.2", port: 3333 };
const AGENT_ADDRESS = "10.66.0.1";
export const SSHD_PORT = 2222;
export const JOB_ID = "4711";

/** Where a job's cgroup can be made: as Slurm does with version 2, or with version 1. */
const CGROUPS = [
  ["/sys/fs/cgroup/memory", "slurm/uid_0"],
  ["/sys/fs/cgroup/unified", "system.slice/slurmstepd.scope"],
  ["/sys/fs/cgroup", "system.slice/slurmstepd.scope"],
] as const;

/** What is missing for the story to be played here; undefined where nothing is. */
export function missingForRome(): string | undefined {
  if (process.getuid?.() !== 0) return "not root";
  const programs = ["ip", "ssh", "ssh-keygen", "cc", "bash"];
  const missing = programs.find((name) => !succeeds("sh", ["-c", `command -v ${name}`]));
  if (missing !== undefined) return `no ${missing}`;
  if (!existsSync("/usr/sbin/sshd")) return "no sshd";
  const probe = `assay-probe-${process.pid}`;
  if (!succeeds("ip", ["netns", "add", probe])) return "no network namespaces";
  succeeds("ip", ["netns", "del", probe]);
  return jobRoot() === undefined ? "no cgroup can be made" : undefined;
}

function succeeds(program: string, args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function jobRoot(): string | undefined {
  const root = CGROUPS.find(([mount]) => existsSync(join(mount, "cgroup.procs")));
  return root && join(...root);
}

export interface Agent {
  pid: number;
  /** Runs a shell command as a call of a tool; resolves to its pid. */
  run(command: string): Promise<number>;
}

export class RomeStage {
  readonly #dir: string;
  /** Where the agent is, and where the rest of the world is. */
  readonly #namespace = `assay-rome-${process.pid}`;
  readonly #outside = `assay-pool-${process.pid}`;
  readonly #children: ChildProcess[] = [];
  /** The miner's executable, under a miner's name. */
  readonly miner: string;
  readonly #cgroup: string;

  constructor(dir: string) {
    this.#dir = dir;
    this.miner = join(dir, "t-rex");
    this.#cgroup = join(jobRoot() ?? dir, `job_${JOB_ID}`, "step_0");
    onTestFinished(() => this.#close());
    execFileSync("cc", ["-O1", "-o", this.miner, here("miner.c")]);
    this.#connectNamespaces();
    mkdirSync(this.#cgroup, { recursive: true });
  }

  /** A pool that answers, and a server that takes the tunnel. */
  async open(): Promise<void> {
    const pool = ["node", here("pool.mjs"), POOL.address, String(POOL.port)];
    await this.#start(pool, /ready/, this.#outside);
    this.#startSshd();
  }

  /** What the agent will type to open the tunnel. */
  get tunnelCommand(): string {
    const options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"];
    const flags = options.map((option) => `-o ${option}`).join(" ");
    const key = join(this.#dir, "user");
    return `ssh -fNR 2200:127.0.0.1:22 -p ${SSHD_PORT} -i ${key} ${flags} root@${POOL.address}`;
  }

  get minerCommand(): string {
    const pool = `stratum+tcp://${POOL.address}:${POOL.port}`;
    return `${this.miner} -a ethash -o ${pool} -u 0x${"a1".repeat(20)} -w rig0`;
  }

  async agent(): Promise<Agent> {
    const child = await this.#start(["node", here("agent.mjs")], /ready/);
    const { pid, stdin } = child;
    if (pid === undefined || !stdin) throw new Error("the agent did not start");
    writeFileSync(join(this.#cgroup, "cgroup.procs"), String(pid));
    return {
      pid,
      run: async (command) => {
        const said = saying(child, /started (\d+)/);
        stdin.write(`${JSON.stringify(command)}\n`);
        const [, started = ""] = await said;
        return Number(started);
      },
    };
  }

  /** The pid of the miner that the agent started. */
  minerPid(): number | undefined {
    const pids = readFileSync(join(this.#cgroup, "cgroup.procs"), "utf8").split("\n").map(Number);
    return pids.find((pid) => pid > 0 && commOf(pid) === "t-rex");
  }

  #startSshd(): void {
    for (const name of ["host", "user"])
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(this.#dir, name)]);
    mkdirSync("/run/sshd", { recursive: true });
    const lines = [
      `Port ${SSHD_PORT}`,
      `ListenAddress ${POOL.address}`,
      `HostKey ${join(this.#dir, "host")}`,
      `AuthorizedKeysFile ${join(this.#dir, "user.pub")}`,
      `PidFile ${join(this.#dir, "sshd.pid")}`,
      "StrictModes no",
      "UsePAM no",
      "PasswordAuthentication no",
    ];
    const config = join(this.#dir, "sshd_config");
    writeFileSync(config, `${lines.join("\n")}\n`);
    const log = join(this.#dir, "sshd.log");
    this.#spawn(["/usr/sbin/sshd", "-D", "-f", config, "-E", log], this.#outside);
  }

  /** Two hosts with a cable between them, and nothing else. */
  #connectNamespaces(): void {
    const [near, far] = [this.#namespace, this.#outside];
    const ip = (line: string): void => void execFileSync("ip", line.split(" "));
    for (const name of [near, far]) ip(`netns add ${name}`);
    ip(`-n ${near} link add cable type veth peer name cable netns ${far}`);
    ip(`-n ${near} addr add ${AGENT_ADDRESS}/24 dev cable`);
    ip(`-n ${far} addr add ${POOL.address}/24 dev cable`);
    for (const name of [near, far])
      for (const link of ["lo", "cable"]) ip(`-n ${name} link set ${link} up`);
  }

  #spawn(words: readonly string[], namespace: string): ChildProcess {
    const child = spawn("ip", ["netns", "exec", namespace, ...words], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#children.push(child);
    return child;
  }

  async #start(
    words: readonly string[],
    ready: RegExp,
    namespace = this.#namespace,
  ): Promise<ChildProcess> {
    const child = this.#spawn(words, namespace);
    await saying(child, ready);
    return child;
  }

  #close(): void {
    for (const child of this.#children) child.kill("SIGKILL");
    for (const pid of pidsOf(this.#cgroup)) kill(pid);
    for (const name of [this.#namespace, this.#outside]) {
      for (const pid of namespacePids(name)) kill(pid);
      succeeds("ip", ["netns", "del", name]);
    }
    removeWhenEmpty(this.#cgroup);
  }
}

async function saying(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    let text = "";
    const heard = (chunk: Buffer): void => {
      text += chunk.toString("utf8");
      const match = pattern.exec(text);
      if (!match) return;
      child.stdout?.off("data", heard);
      resolve(match);
    };
    child.stdout?.on("data", heard);
    child.once("exit", () => reject(new Error(`ended before it said ${pattern}: ${text}`)));
  });
}

function commOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return undefined;
  }
}

function pidsOf(cgroup: string): number[] {
  try {
    const text = readFileSync(join(cgroup, "cgroup.procs"), "utf8");
    return text.split("\n").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function namespacePids(name: string): number[] {
  try {
    const text = execFileSync("ip", ["netns", "pids", name], { encoding: "utf8" });
    return text.split("\n").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It is gone already.
  }
}

/** The kernel empties a cgroup a moment after its processes were killed. */
function removeWhenEmpty(cgroup: string): void {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    try {
      rmdirSync(cgroup);
      rmdirSync(join(cgroup, ".."));
      return;
    } catch {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}
