import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  MAX_ARG_LENGTH,
  MAX_ARGS,
  parseBootTimeMs,
  parseCgroup,
  parseCmdline,
  parseEnviron,
  parsePasswd,
  parseStat,
  parseUid,
} from "../../../src/collect/processes/parse.ts";

const TOLD = { ppid: 12, session: 70, isKernel: false, startTicks: 9876 };
const stat = (comm: string, flags = 4194560) =>
  `77 (${comm}) S 12 77 70 0 -1 ${flags} 1 0 0 0 5 6 0 0 20 0 1 0 9876 1000 10 18446744073709551615`;

describe("/proc/PID/stat", () => {
  it("tells name, parent and start, whatever is in the name", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 64, unit: "binary" }), (comm) => {
        expect(parseStat(stat(comm))).toEqual({ comm, ...TOLD });
      }),
    );
  });

  it.each([") S 1 (", "evil) S 1 1 1"])("is not misled by the name %s", (comm) => {
    expect(parseStat(stat(comm))).toEqual({ comm, ...TOLD });
  });

  it.each([
    [2_129_984, true],
    [0x0020_0000, true],
    [4_194_560, false],
  ])("tells a thread of the kernel by its flags: %s, %s", (flags, isKernel) => {
    expect(parseStat(stat("kworker/0:0", flags))).toMatchObject({ isKernel });
  });

  it.each(["", "77", "77 (python", "77 (python) S", "77 (python) S x 1"])(
    "is nothing where it reads '%s'",
    (text) => {
      expect(parseStat(text)).toBeUndefined();
    },
  );

  it("never throws", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => parseStat(text)).not.toThrow();
      }),
    );
  });
});

describe("/proc/stat", () => {
  it("tells the boot time, or nothing", () => {
    expect(parseBootTimeMs("cpu 1 2\nbtime 1700000000\nprocesses 5\n")).toBe(1_700_000_000_000);
    expect(parseBootTimeMs("cpu 1 2\n")).toBeUndefined();
  });
});

describe("/proc/PID/status", () => {
  it("tells the real user, not the effective one", () => {
    expect(parseUid("Name:\tx\nUid:\t1000\t0\t0\t0\nGid:\t5\t5\t5\t5\n")).toBe(1000);
    expect(parseUid("Name:\tx\n")).toBeUndefined();
  });
});

describe("/proc/PID/cmdline", () => {
  it.each([
    ["", []],
    ["python\0train.py\0", ["python", "train.py"]],
    ["python\0-c\0\0", ["python", "-c", ""]],
    ["ray::train", ["ray::train"]],
  ])("%o gives %o", (text, argv) => {
    expect(parseCmdline(text)).toEqual(argv);
  });

  it("is bounded, however long it is", () => {
    const at = (count: number, length: number) =>
      parseCmdline(`${"x".repeat(length)}\0`.repeat(count));
    expect(at(MAX_ARGS, MAX_ARG_LENGTH)).toEqual(
      Array.from({ length: MAX_ARGS }, () => "x".repeat(MAX_ARG_LENGTH)),
    );
    expect(at(MAX_ARGS + 1, MAX_ARG_LENGTH + 1)).toEqual(at(MAX_ARGS, MAX_ARG_LENGTH));
  });
});

describe("/proc/PID/environ", () => {
  it("gives the variables on the list and nothing else", () => {
    const text = "AWS_SECRET_ACCESS_KEY=s3cret\0SLURM_JOB_ID=42\0RANK=3\0PATH=/bin\0";
    expect(parseEnviron(text)).toEqual({ SLURM_JOB_ID: "42", RANK: "3" });
  });

  it("keeps what is behind the first equals sign, and the first of a name", () => {
    expect(parseEnviron("TASK_ID=a=b\0TASK_ID=other\0")).toEqual({ TASK_ID: "a=b" });
  });

  it("keeps of a miner's variables the names alone, and no more of them than a few", () => {
    const text = "PEARL_RPC_PASSWORD=secret\0PEARLD_RPC_URL=http://u:p@h\0MINERU_X=1\0MINER_=\0";
    expect(parseEnviron(`${text}PEARLS=1\0xPEAK_A=1\0PEAK_${"A".repeat(64)}=1\0`)).toEqual({
      PEARL_RPC_PASSWORD: "",
      PEARLD_RPC_URL: "",
      MINER_: "",
    });
    const many = Array.from({ length: 100 }, (_, i) => `PEAK_${i}=x`).join("\0");
    expect(Object.keys(parseEnviron(`${many}\0RANK=3\0`))).toHaveLength(17);
  });

  it.each(["", "\0\0", "RANK", "=RANK", "__proto__=x\0"])("is empty for '%s'", (text) => {
    expect(parseEnviron(text)).toEqual({});
  });
});

describe("/proc/PID/cgroup", () => {
  it.each([
    [
      "v2",
      "0::/system.slice/slurmstepd.scope/job_42/step_0/user/task_0\n",
      "/system.slice/slurmstepd.scope/job_42/step_0/user/task_0",
    ],
    [
      "v1",
      "12:cpuset:/\n5:memory:/slurm/uid_1000/job_42\n1:name=systemd:/init.scope\n",
      "/slurm/uid_1000/job_42",
    ],
    ["v1 beside an empty v2", "5:cpu,cpuacct:/docker/abc\n0::/\n", "/docker/abc"],
    ["v1 of a hierarchy not known", "5:net_cls:/jobs/1\n", "/jobs/1"],
    ["no group at all", "0::/\n", "/"],
    ["a colon in the path", "0::/a:b/c\n", "/a:b/c"],
    ["nothing", "", undefined],
  ])("%s", (_name, text, path) => {
    expect(parseCgroup(text)).toBe(path);
  });
});

describe("a passwd file", () => {
  it("gives names by id, the first of an id, and skips what is no user", () => {
    const text =
      "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/:/bin/sh\nalias:x:1000:1::/:\n\n+::::::\n";
    expect([...parsePasswd(text)]).toEqual([
      [0, "root"],
      [1000, "alice"],
    ]);
  });
});
