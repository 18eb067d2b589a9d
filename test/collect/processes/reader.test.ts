import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { withProcessNames } from "../../../src/collect/processes/naming.ts";
import { ScriptedCollector } from "../../support/scripted-collector.ts";
import type { ProcessSighting } from "../../../src/model/sample.ts";
import {
  createProcessReader,
  type ProcessReaderSettings,
} from "../../../src/collect/processes/reader.ts";

interface Captured {
  comm?: string;
  ppid?: number;
  startTicks?: number;
  argv?: string[];
  uid?: number;
  cgroup?: string;
  environ?: string;
  exe?: string;
}

const trees: string[] = [];
afterEach(() => {
  for (const tree of trees.splice(0)) rmSync(tree, { recursive: true, force: true });
});

/** A `/proc` of our own, with a passwd file beside it. */
const rig = (settings: ProcessReaderSettings = {}) => {
  const procRoot = mkdtempSync(join(tmpdir(), "proc-"));
  trees.push(procRoot);
  const passwdPath = join(procRoot, "passwd");
  writeFileSync(join(procRoot, "stat"), "btime 1700000000\n");
  writeFileSync(passwdPath, "alice:x:1000:1000::/home/alice:/bin/sh\n");
  const clock = { nowMs: 0 };
  const reader = createProcessReader(
    { procRoot, passwdPath, pids: "trusted", ...settings },
    { monotonicMs: () => clock.nowMs },
  );
  const write = (pid: number, process: Captured = {}): string => {
    const { comm = "python", ppid = 1, startTicks = 500, argv = ["python", "a.py"] } = process;
    const { uid = 1000, cgroup = "/user.slice", environ = "", exe = "/usr/bin/python3" } = process;
    const folder = join(procRoot, String(pid));
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    const zeros = "0 ".repeat(17);
    writeFileSync(join(folder, "stat"), `${pid} (${comm}) S ${ppid} ${zeros}${startTicks} 0 0\n`);
    writeFileSync(join(folder, "status"), `Name:\t${comm}\nUid:\t${uid}\t0\t0\t0\n`);
    writeFileSync(join(folder, "cmdline"), argv.map((arg) => `${arg}\0`).join(""));
    writeFileSync(join(folder, "cgroup"), `0::${cgroup}\n`);
    writeFileSync(join(folder, "environ"), environ);
    symlinkSync(exe, join(folder, "exe"));
    return folder;
  };
  return { procRoot, passwdPath, clock, reader, write };
};

describe("describing a process", () => {
  it("tells who it is, who started it and for whom", () => {
    const { reader, write } = rig();
    write(77, { environ: "HOME=/home/alice\0SLURM_JOB_ID=42\0", cgroup: "/slurm/job_42" });
    expect(reader.describe(77)).toEqual({
      comm: "python",
      ppid: 1,
      startTimeMs: 1_700_000_005_000,
      exe: "/usr/bin/python3",
      argv: ["python", "a.py"],
      uid: 1000,
      user: "alice",
      cgroup: "/slurm/job_42",
      environ: { SLURM_JOB_ID: "42" },
    });
  });

  it("says that the program's file is gone, as the kernel does", () => {
    const { reader, write } = rig();
    write(77, { exe: "/tmp/xmrig (deleted)" });
    expect(reader.describe(77)?.exe).toBe("/tmp/xmrig (deleted)");
  });

  it("takes the clock's ticks from the settings", () => {
    const { reader, write } = rig({ clockTicksPerSecond: 250 });
    write(77, { startTicks: 500 });
    expect(reader.describe(77)?.startTimeMs).toBe(1_700_000_002_000);
  });

  it.each([
    [1000, "alice"],
    [1001, "uid:1001"],
  ])("calls user %s %s", (uid, user) => {
    const { reader, write } = rig();
    write(77, { uid });
    expect(reader.describe(77)?.user).toBe(user);
  });

  it("is undefined where there is none", () => {
    expect(rig().reader.describe(77)).toBeUndefined();
  });

  it.each(["exe", "cmdline", "cgroup", "environ", "status"])(
    "only lacks a field where %s may not be read",
    (name) => {
      const { reader, write } = rig();
      rmSync(join(write(77), name));
      const field = { cmdline: "argv", status: "user" }[name] ?? name;
      const details = reader.describe(77);
      // The account's number goes with its name.
      expect(Object.keys(details ?? {})).toHaveLength(name === "status" ? 7 : 8);
      expect(details).not.toHaveProperty(field);
    },
  );

  it.each([
    [500, "python"],
    [501, undefined],
  ])("whose pid starts at 500 before and at %s after its files are read: %s", (after, comm) => {
    const { reader, write } = rig();
    const stat = join(write(77), "stat");
    const line = (startTicks: number) => `77 (python) S 1 ${"0 ".repeat(17)}${startTicks} 0 0`;
    rmSync(stat);
    execFileSync("mkfifo", [stat]);
    // Each reading of a pipe waits for the next line that the shell writes.
    const script = 'echo "$1" > "$0"; sleep 0.2; echo "$2" > "$0"';
    const writer = spawn("sh", ["-c", script, stat, line(500), line(after)]);
    expect(reader.describe(77)?.comm).toBe(comm);
    writer.kill();
  });

  it("survives files that are something else", () => {
    const { reader, write } = rig();
    const folder = write(77);
    rmSync(join(folder, "cmdline"));
    mkdirSync(join(folder, "cmdline"));
    expect(reader.describe(77)).toHaveProperty("comm", "python");
    expect(reader.describe(77)).not.toHaveProperty("argv");
  });

  it("reads users that were added later", () => {
    const { passwdPath, reader, write } = rig({ refreshMs: 0 });
    write(77, { uid: 1001 });
    expect(reader.describe(77)?.user).toBe("uid:1001");
    rmSync(passwdPath);
    writeFileSync(passwdPath, "bob:x:1001:1001::/:/bin/sh\n");
    expect(reader.describe(77)?.user).toBe("bob");
  });
});

describe("what is kept in mind", () => {
  it.each([
    ["nothing", 9_999, {}, "first"],
    ["time", 10_000, {}, "second"],
    ["another process with the same pid", 0, { startTicks: 501 }, "second"],
    ["another program in the same process", 0, { comm: "miner" }, "second"],
  ])("%s changed after %s ms: reads the %s", (_name, ms, change, expected) => {
    const { clock, reader, write } = rig();
    write(77, { argv: ["first"] });
    reader.describe(77);
    write(77, { argv: ["second"], ...change });
    clock.nowMs = ms;
    expect(reader.describe(77)?.argv?.[0]).toBe(expected === "first" ? "first" : "second");
  });

  it("is the processes used last, no more than fit", () => {
    const { reader, write } = rig({ cacheSize: 2 });
    for (const pid of [1, 2, 3]) write(pid, { argv: ["first"] });
    for (const pid of [1, 2, 1, 3]) reader.describe(pid);
    for (const pid of [1, 2, 3]) write(pid, { argv: ["second"] });
    const seen = [1, 3, 2].map((pid) => reader.describe(pid)?.argv?.[0]);
    expect(seen).toEqual(["first", "first", "second"]);
  });

  it("is no process that has ended", () => {
    const { procRoot, reader, write } = rig();
    write(77);
    reader.describe(77);
    rmSync(join(procRoot, "77"), { recursive: true });
    expect(reader.describe(77)).toBeUndefined();
  });
});

describe("enriching a sample", () => {
  it("adds the details, keeps the figures, and keeps who has ended meanwhile", () => {
    const { reader, write } = rig();
    write(77);
    const sample = {
      kind: "processes" as const,
      atMs: 5,
      gpu: 1,
      list: [
        { pid: 77, smUtil: 0.5 },
        { pid: 78, memUsedBytes: 9 },
      ],
    };
    const rich = reader.enrich(sample);
    expect(rich).toMatchObject({ kind: "processes", atMs: 5, gpu: 1 });
    expect(rich.list).toEqual([
      { pid: 77, smUtil: 0.5, ...reader.describe(77) },
      { pid: 78, memUsedBytes: 9 },
    ]);
    expect(sample.list[0]).toEqual({ pid: 77, smUtil: 0.5 });
    expect(reader.unresolved).toBe(1);
  });

  describe("of a process that is gone", () => {
    const START_MS = 1_700_000_005_000;
    const sampleOf = (atMs: number, ...list: ProcessSighting[]) =>
      ({ kind: "processes", atMs, gpu: 0, list }) as const;

    it.each([
      ["while it was seen alive", START_MS + 9000, "python"],
      ["at the moment it was last seen", START_MS + 10_000, "python"],
      ["after that, when the pid may be another's", START_MS + 10_001, undefined],
      ["before it began, when the pid was another's", START_MS - 1, undefined],
      ["at a time nobody told", undefined, undefined],
    ])("which used the device %s", (_when, startTimeMs, comm) => {
      const { procRoot, reader, write } = rig();
      write(77);
      reader.enrich(sampleOf(START_MS + 10_000, { pid: 77 }));
      rmSync(join(procRoot, "77"), { recursive: true });
      const { list } = reader.enrich(
        sampleOf(START_MS + 12_000, { pid: 77, exited: true, startTimeMs }),
      );
      expect(list[0]?.comm).toBe(comm);
      expect(list[0]).toMatchObject({ pid: 77, exited: true, startTimeMs });
      expect(reader.unresolved).toBe(0);
    });
  });
});

describe("a collector with process names", () => {
  it("says what it saw, its processes with what the host knows of them, and nothing else changed", async () => {
    const { reader, write } = rig();
    write(77);
    const collector = new ScriptedCollector("smi");
    const gpu = { kind: "gpu" as const, atMs: 5, gpu: 0, gpuUtil: 1 };
    const list = { kind: "processes" as const, atMs: 5, gpu: 0, list: [{ pid: 77 }] };
    collector.reading = async () => [gpu, list];
    const named = withProcessNames(collector, reader);
    expect([named.name, await named.open()]).toEqual(["smi", expect.objectContaining({})]);
    expect(await named.collect(5)).toEqual([gpu, reader.enrich(list)]);
    expect(reader.enrich(list).list[0]).toHaveProperty("comm", "python");
    await named.close();
    expect([collector.opens, collector.collects, collector.closes]).toEqual([1, [5], 1]);
  });
});

describe("whose pids the drivers speak of", () => {
  const kthreadd = (write: ReturnType<typeof rig>["write"], comm: string): void => {
    writeFileSync(join(write(2), "comm"), `${comm}\n`);
  };
  const hold = (folder: string, file: string): void => {
    mkdirSync(join(folder, "fd"));
    symlinkSync("/dev/null", join(folder, "fd", "0"));
    symlinkSync(file, join(folder, "fd", "7"));
  };

  it.each([
    ["kthreadd", true],
    ["systemd", false],
  ])("with %s as the second process, /proc shows the host's: %s", (comm, seesHost) => {
    const { procRoot, write } = rig();
    kthreadd(write, comm);
    const reader = createProcessReader({ procRoot }, { monotonicMs: () => 0 });
    expect(reader.seesHost).toBe(seesHost);
    write(77);
    expect(reader.describe(77)?.comm).toBe(seesHost ? "python" : undefined);
  });

  it("says which lists cannot be whole, and which processes the host lacks though all are shown", () => {
    const look = (rootShows: boolean, ownShows: boolean) => {
      const { procRoot, write } = rig();
      const own = rig();
      if (rootShows) kthreadd(write, "kthreadd");
      if (ownShows) kthreadd(own.write, "kthreadd");
      write(77);
      const settings = { procRoot, ownProcRoot: own.procRoot, pids: "trusted" as const };
      const list = [{ pid: 77 }, { pid: 78 }, { pid: 79, exited: true }];
      const reader = createProcessReader(settings, { monotonicMs: () => 0 });
      const made = reader.enrich({ kind: "processes", atMs: 5, gpu: 0, list });
      return [made.partial, ...made.list.map(({ unlisted }) => unlisted)];
    };
    expect(look(true, true)).toEqual([undefined, undefined, true, undefined]);
    // The host's /proc is mounted, but the driver answers to a container: it may leave out the others.
    expect(look(true, false)).toEqual([true, undefined, undefined, undefined]);
    expect(look(false, true)).toEqual([true, undefined, undefined, undefined]);
  });

  it.each([
    ["/dev/nvidia0", "python"],
    ["/dev/dri/renderD128", "python"],
    ["/dev/null", undefined],
    ["/home/alice/dev/nvidia0", undefined],
  ])("elsewhere, a process that has %s open is: %s", (file, comm) => {
    const { reader, write } = rig({ pids: "auto" });
    hold(write(77), file);
    expect(reader.describe(77)?.comm).toBe(comm);
  });

  it("a process that was seen to hold a device stays known when it closes the file", () => {
    const { reader, write } = rig({ pids: "auto", refreshMs: 0 });
    const folder = write(77);
    hold(folder, "/dev/nvidia0");
    reader.describe(77);
    rmSync(join(folder, "fd"), { recursive: true });
    expect(reader.describe(77)?.comm).toBe("python");
    write(77, { startTicks: 900 });
    expect(reader.describe(77)).toBeUndefined();
  });
});

describe.skipIf(process.platform !== "linux")("on this machine (Linux only)", () => {
  it("describes a child, and no longer once it has ended", async () => {
    const startedMs = Date.now();
    const env = { RANK: "3", SECRET: "s3cret" };
    const child = spawn(
      process.execPath,
      ["-e", "setInterval(() => {}, 1000); console.log(1)", "x"],
      {
        env,
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
    await once(child.stdout, "data");
    const pid = child.pid ?? 0;
    const reader = createProcessReader({ pids: "trusted" }, { monotonicMs: () => 0 });
    const details = reader.describe(pid);
    expect(details).toMatchObject({
      exe: process.execPath,
      ppid: process.pid,
      user: userInfo().username,
      environ: { RANK: "3" },
    });
    expect(details?.environ).not.toHaveProperty("SECRET");
    expect(details?.argv?.at(-1)).toBe("x");
    // The kernel's boot time is in whole seconds.
    expect(Math.abs((details?.startTimeMs ?? 0) - startedMs)).toBeLessThan(3000);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(reader.describe(pid)).toBeUndefined();
  });

  it("describes the first process as far as it may", () => {
    const details = createProcessReader({ pids: "trusted" }, { monotonicMs: () => 0 }).describe(1);
    expect(details).toMatchObject({ ppid: 0, user: expect.any(String) });
  });
});
