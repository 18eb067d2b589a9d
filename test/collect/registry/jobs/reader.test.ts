import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { JobsReader } from "../../../../src/collect/registry/jobs/reader.ts";
import type { Notice } from "../../../../src/collect/thread/protocol.ts";
import { temporaryFolder } from "../../../support/temporary.ts";

const isRoot = process.getuid?.() === 0;
const BOOT_SECONDS = 1_750_000_000;

function rig() {
  const folder = temporaryFolder("jobs");
  const directory = join(folder, "jobs");
  mkdirSync(directory, { mode: 0o755 });
  mkdirSync(join(folder, "proc"));
  writeFileSync(join(folder, "proc", "stat"), `cpu 1 2\nbtime ${BOOT_SECONDS}\n`);
  const passwdPath = join(folder, "passwd");
  writeFileSync(passwdPath, "alice:x:1001:1001::/:/bin/sh\n");
  const notices: Notice[] = [];
  const reader = new JobsReader(
    { directory, scheduler: "slurm", procRoot: join(folder, "proc"), passwdPath },
    { onNotice: (notice) => void notices.push(notice) },
  );
  const write = (name: string, content: string | Buffer, mode = 0o644): string => {
    const path = join(directory, name);
    writeFileSync(path, content, { mode });
    return path;
  };
  const told = () => notices.map(({ text }) => text);
  return { folder, directory, reader, write, notices, told };
}

describe("a prolog's folder", () => {
  it("tells whose each GPU is: a job with several is told once, a shared GPU of several jobs", async () => {
    const { reader, write, directory, told } = rig();
    write("0", "4711 1001\n");
    write("1", "4711 1001\n");
    write("GPU-8f3ab1c2-00", "4712 1002\n4713\n");
    write("2", "");
    write("README", "not a GPU");
    expect(await reader.open()).toEqual({ status: "ready", detail: directory });
    expect(await reader.read()).toEqual([
      { gpus: ["0", "1"], job: { scheduler: "slurm", id: "4711", uid: 1001, user: "alice" } },
      { gpus: ["GPU-8f3ab1c2-00"], job: { scheduler: "slurm", id: "4712", uid: 1002 } },
      { gpus: ["GPU-8f3ab1c2-00"], job: { scheduler: "slurm", id: "4713" } },
    ]);
    expect(told()).toEqual([]);
  });

  it("that is not there is normal, and found when it comes", async () => {
    const { reader, directory, write } = rig();
    rmSync(directory, { recursive: true });
    expect(await reader.open()).toEqual({ status: "absent", reason: `there is no ${directory}` });
    mkdirSync(directory, { mode: 0o755 });
    write("0", "1");
    expect(await reader.open()).toMatchObject({ status: "ready" });
    expect(await reader.read()).toHaveLength(1);
    rmSync(directory, { recursive: true });
    await expect(reader.read()).rejects.toThrow(/ENOENT/);
  });

  it.each([0o775, 0o757, 0o777, 0o1777])("of mode %o is not believed", async (mode) => {
    const { reader, directory, write } = rig();
    write("0", "1");
    chmodSync(directory, mode);
    const refusal = {
      code: "collect/registry",
      message: `prolog: ${directory} may be written by others than its owner`,
      hint: expect.stringContaining("chmod 755"),
    };
    await expect(reader.open()).rejects.toMatchObject(refusal);
    await expect(reader.read()).rejects.toMatchObject(refusal);
    chmodSync(directory, 0o755);
    expect(await reader.read()).toHaveLength(1);
  });

  it("below one that others may write is not believed, unless it is sticky", async () => {
    const { reader, folder, write } = rig();
    write("0", "1");
    chmodSync(folder, 0o777);
    await expect(reader.open()).rejects.toThrow(/above .* may be written/);
    chmodSync(folder, 0o1777);
    expect(await reader.open()).toMatchObject({ status: "ready" });
  });

  it.skipIf(!isRoot)("of another user is not believed (needs root)", async () => {
    const { reader, directory } = rig();
    chownSync(directory, 1001, 1001);
    await expect(reader.open()).rejects.toThrow(/belongs to user 1001/);
  });

  it("that is a file is refused", async () => {
    const { reader, directory } = rig();
    rmSync(directory, { recursive: true });
    writeFileSync(directory, "");
    await expect(reader.open()).rejects.toMatchObject({ code: "collect/registry" });
  });
});

describe("a prolog's file", () => {
  it.each<[string, (path: string, directory: string) => void, RegExp]>([
    ["that others may write", (path) => chmodSync(path, 0o646), /may be written by others/],
    ["that its group may write", (path) => chmodSync(path, 0o664), /may be written by others/],
    ["of more than 64 KiB", (path) => writeFileSync(path, "1\n".repeat(500_000)), /too long/],
    ["that is not UTF-8", (path) => writeFileSync(path, Buffer.from([0x34, 0xff, 0x0a])), /UTF-8/],
    ["that holds no job", (path) => writeFileSync(path, "a job of mine\u001b[2J"), /no job/],
    [
      "of before the machine was started",
      (path) => utimesSync(path, BOOT_SECONDS - 3, BOOT_SECONDS - 3),
      /older than the start/,
    ],
    [
      "that is a link",
      (path, directory) => {
        rmSync(path);
        symlinkSync(join(directory, "1"), path);
      },
      /is a link/,
    ],
    [
      "that is a folder",
      (path) => {
        rmSync(path);
        mkdirSync(path);
      },
      /no plain file/,
    ],
    [
      "that is a pipe",
      (path) => {
        rmSync(path);
        execFileSync("mkfifo", ["-m", "644", path]);
      },
      /no plain file/,
    ],
  ])("%s is not believed, which is said once; its neighbour is", async (_, spoil, reason) => {
    const { reader, directory, write, told } = rig();
    write("1", "4712");
    spoil(write("0", "4711"), directory);
    for (let i = 0; i < 3; i++)
      expect(await reader.read()).toEqual([
        { gpus: ["1"], job: { scheduler: "slurm", id: "4712" } },
      ]);
    expect(told()).toEqual([expect.stringMatching(reason)]);
    expect(told()[0]).toMatch(/^the prolog's file 0 /);
    expect(told()[0]).not.toContain("\u001b");
  });

  it.skipIf(!isRoot)("of another user is not believed (needs root)", async () => {
    const { reader, write, told } = rig();
    chownSync(write("0", "4711"), 1001, 1001);
    expect(await reader.read()).toEqual([]);
    expect(told()).toEqual([expect.stringContaining("belongs to user 1001")]);
  });

  it("of just after the start of the machine is believed", async () => {
    const { reader, write } = rig();
    utimesSync(write("0", "4711"), BOOT_SECONDS, BOOT_SECONDS);
    expect(await reader.read()).toHaveLength(1);
  });

  it("may come and go while the folder is read", async () => {
    const { reader, write, directory, told } = rig();
    const ended = new AbortController();
    const churn = (async () => {
      for (let i = 0; !ended.signal.aborted; i++) {
        write(String(i % 50), "4711");
        rmSync(join(directory, String((i + 25) % 50)), { force: true });
        if (i % 10 === 0) await new Promise(setImmediate);
      }
    })();
    for (let i = 0; i < 20; i++) {
      for (const { job } of await reader.read()) expect(job?.id).toBe("4711");
    }
    ended.abort();
    await churn;
    expect(told()).toEqual([]);
  });
});
