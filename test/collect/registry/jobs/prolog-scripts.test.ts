import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { JobsReader } from "../../../../src/collect/registry/jobs/reader.ts";
import { temporaryFolder } from "../../../support/temporary.ts";

const EXAMPLES = fileURLToPath(new URL("../../../../docs/examples/", import.meta.url));
const hasFlock = spawnSync("flock", ["--version"]).status === 0;

/** The scripts as slurmd would run them, and the reader that the daemon would read with. */
function rig() {
  const directory = join(temporaryFolder("prolog"), "jobs");
  const told: string[] = [];
  const reader = new JobsReader(
    { directory, scheduler: "slurm", procRoot: "/proc" },
    { onNotice: ({ text }) => void told.push(text) },
  );
  const run = (script: string, environment: Record<string, string>): void =>
    void execFileSync("sh", [join(EXAMPLES, `slurm-${script}.sh`)], {
      env: { PATH: process.env["PATH"] ?? "", GPU_ASSAY_JOBS: directory, ...environment },
    });
  const owners = async () =>
    (await reader.read()).map(({ job, gpus }) => [job?.id, job?.user, gpus?.join()]).sort();
  return { directory, run, owners, reader, told };
}

const job = (id: number, gpus: string, more: Record<string, string> = {}) => ({
  SLURM_JOB_ID: String(id),
  SLURM_JOB_GPUS: gpus,
  SLURM_JOB_USER: "alice",
  SLURM_JOB_UID: "1001",
  SLURM_JOB_ACCOUNT: "ml",
  SLURM_JOB_PARTITION: "gpu",
  ...more,
});

describe.skipIf(!hasFlock)("the example prolog and epilog (need flock)", () => {
  it("say whose each GPU is, from a job's start to its end", async () => {
    const { run, owners, reader, told, directory } = rig();
    run("prolog", job(4711, "0,1"));
    run("prolog", job(4712, "2", { SLURM_JOB_USER: "bob" }));
    expect(await owners()).toEqual([
      ["4711", "alice", "0,1"],
      ["4712", "bob", "2"],
    ]);
    expect((await reader.read())[0]?.job).toEqual({
      scheduler: "slurm",
      id: "4711",
      user: "alice",
      uid: 1001,
      account: "ml",
      partition: "gpu",
    });
    run("epilog", { SLURM_JOB_ID: "4711" });
    expect(await owners()).toEqual([["4712", "bob", "2"]]);
    run("epilog", { SLURM_JOB_ID: "4712" });
    expect(await owners()).toEqual([]);
    expect(told).toEqual([]);
    expect(readdirSync(directory).filter((name) => name === ".new")).toEqual([]);
  });

  it("let jobs share a GPU, and a job that is started again be there once", async () => {
    const { run, owners } = rig();
    run("prolog", job(1, "0"));
    run("prolog", job(11, "0"));
    run("prolog", job(1, "0"));
    expect(await owners()).toEqual([
      ["1", "alice", "0"],
      ["11", "alice", "0"],
    ]);
    run("epilog", { SLURM_JOB_ID: "1" });
    expect(await owners()).toEqual([["11", "alice", "0"]]);
  });

  it("cannot be led to say something else by a name", async () => {
    const { run, owners, told } = rig();
    const evil = 'x","user":"bob","a":"$(touch /tmp/x)\n{"job":"2"}';
    run("prolog", job(1, "0,../../x,1;id", { SLURM_JOB_USER: evil, SLURM_JOB_ACCOUNT: evil }));
    expect(await owners()).toEqual([["1", expect.stringMatching(/^[\w.@+-]+$/), "0"]]);
    expect(told).toEqual([]);
  });

  it("do nothing, and fail nobody, where there is no GPU, no folder or nothing to end", async () => {
    const { run, directory, reader } = rig();
    const { SLURM_JOB_GPUS: _, ...without } = job(1, "");
    run("prolog", without);
    run("epilog", { SLURM_JOB_ID: "1" });
    expect(await reader.open()).toMatchObject({ status: "absent" });
    mkdirSync(directory);
    run("epilog", {});
    run("epilog", { SLURM_JOB_ID: "1" });
    expect(readdirSync(directory).filter((name) => !name.startsWith("."))).toEqual([]);
  });
});
