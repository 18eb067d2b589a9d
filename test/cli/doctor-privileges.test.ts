import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { privilegeFinding } from "../../src/cli/doctor-privileges.ts";
import { temporaryFolder } from "../support/temporary.ts";

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

describe("the doctor, of other users' processes", () => {
  it("says that it could not try where nobody else runs anything", () => {
    const root = temporaryFolder("proc");
    mkdirSync(join(root, "1"));
    writeFileSync(join(root, "1", "cmdline"), "init\0");
    expect(privilegeFinding(root)).toMatchObject({
      status: "ok",
      detail: expect.stringContaining("could not be tried"),
    });
  });

  it("leaves out what has no command line: the kernel's own threads", () => {
    const root = temporaryFolder("proc");
    for (const [pid, cmdline] of [
      ["2", ""],
      ["3", "python\0"],
    ] as const) {
      mkdirSync(join(root, pid));
      writeFileSync(join(root, pid, "cmdline"), cmdline);
      writeFileSync(join(root, pid, "environ"), "RANK=0\0");
    }
    const somebodyElse = (process.geteuid?.() ?? 0) + 1;
    expect(privilegeFinding(root, somebodyElse)).toMatchObject({
      status: "ok",
      detail: "can be read (1 of 1 tried)",
    });
  });

  it.skipIf(process.getuid?.() !== 0)(
    "tells by trying, with and without the privilege (needs root)",
    async () => {
      const child = spawn("sleep", ["60"], { uid: 65_533, gid: 65_533 });
      children.push(child);
      await once(child, "spawn");
      expect(privilegeFinding("/proc")).toMatchObject({ status: "ok" });
      process.seteuid?.(65_534);
      try {
        expect(privilegeFinding("/proc")).toMatchObject({
          status: "missing",
          detail: expect.stringContaining("cannot be read"),
          hints: [
            expect.stringContaining("AmbientCapabilities=CAP_SYS_PTRACE CAP_DAC_READ_SEARCH"),
          ],
        });
      } finally {
        process.seteuid?.(0);
      }
    },
  );
});
