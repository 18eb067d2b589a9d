import { describe, expect, it } from "vitest";
import { hostEvidence } from "../../../src/classify/host-evidence.ts";
import { loadShippedData } from "../../../src/config/data.ts";
import type { ProcessSighting } from "../../../src/model/sample.ts";

const { indicators } = loadShippedData();
const features = (process: Omit<ProcessSighting, "pid">): string[] =>
  hostEvidence([{ pid: 1, ...process }], indicators).map(({ feature }) => feature);
const HOLDER = { holdsDevice: true, mapped: ["torch"] };

describe("where a program runs from", () => {
  it.each([
    ["/tmp/a"],
    ["/tmp/venv/a"],
    ["/var/tmp/x/y/a"],
    ["/dev/shm/a"],
    ["/run/user/1000/a"],
    ["/memfd:a (deleted)"],
    ["/home/a/.hidden/b"],
    ["/home/a/bin/.b"],
    ["/home/a/b (deleted)"],
    ["/tmp/a (deleted)"],
    ["/tmp/.mount/a"],
  ])("is odd: %s", (exe) => {
    const odd = hostEvidence([{ pid: 1, exe, ...HOLDER }], indicators);
    expect(odd).toMatchObject([{ family: "host", feature: "oddExecution", value: 1, weights: {} }]);
    expect(odd[0]?.text).toContain(exe);
  });

  it.each([
    ["/usr/bin/a"],
    ["/usr/bin/a (deleted)"],
    ["/home/a/b"],
    ["/home/a/.local/bin/b"],
    ["/tmpfiles/a"],
    ["/opt/tmp/a"],
    ["/tmp/venv/bin/a"],
    ["/tmp/x/bin/python3.12"],
    ["/tmp/.mount_x/usr/bin/a"],
  ])("is ordinary: %s", (exe) => {
    expect(features({ exe, ...HOLDER })).toEqual([]);
  });

  it("is less readily ordinary for what holds a GPU: runtimes and compilers do not", () => {
    for (const exe of ["/memfd:runc_cloned:/proc/self/exe (deleted)", "/tmp/ninja/cc1plus"]) {
      expect(features({ exe })).toEqual([]);
      expect(features({ exe, ...HOLDER })).toContain("oddExecution");
    }
  });

  it("says nothing where the executable may not be read", () => {
    expect(features({ argv: ["/tmp/a"], comm: "a" })).toEqual([]);
  });
});

describe("what a program calls itself", () => {
  it.each([
    [{ exe: "/opt/a", argv: ["[kworker/0:1]"] }],
    [{ exe: "/usr/bin/python3", argv: ["[kworker/u8:2]", "-x"] }],
    [{ exe: "/opt/a", argv: ["/usr/sbin/sshd", "-D"] }],
    [{ exe: "/usr/bin/python3", argv: ["python3"], comm: "kswapd0" }],
    [{ exe: "/opt/a", argv: ["train"], ...HOLDER }],
  ])("is not what it is: %j", (process) => {
    expect(features(process)).toEqual(["titleMismatch"]);
  });

  it.each([
    [{ exe: "/opt/a", argv: ["train"] }, "without a GPU"],
    [{ exe: "/opt/train-2", argv: ["train"], ...HOLDER }, "a longer name"],
    [{ exe: "/usr/sbin/sshd", argv: ["sshd: a@pts/0"] }, "the server itself"],
    [{ exe: "/usr/bin/perl", argv: ["myjob"], ...HOLDER }, "an interpreter"],
    [{ exe: "/opt/a", argv: ["ray::Worker"], ...HOLDER }, "a title of a framework"],
    [{ exe: "/opt/a", comm: "b", ...HOLDER }, "a short name alone"],
    [{ argv: ["[kthreadd]"], comm: "kthreadd" }, "no executable: the kernel's own"],
  ])("is ordinary: %j, %s", (process, _why) => {
    expect(features(process)).toEqual([]);
  });
});

describe("what is in the memory of a holder", () => {
  it("tells of a framework, or of none; where nobody looked, nothing", () => {
    const exe = "/opt/a";
    expect(features({ exe, holdsDevice: true, mapped: ["cuda", "cudart"] })).toEqual([
      "noFramework",
    ]);
    expect(features({ exe, holdsDevice: true, mapped: [] })).toEqual(["noFramework"]);
    for (const name of ["torch_cuda", "libcudnn_ops.so.9", "jaxlib", "NCCL"])
      expect(features({ exe, holdsDevice: true, mapped: ["cuda", name] })).toEqual([]);
    expect(features({ exe, holdsDevice: true })).toEqual([]);
    expect(features({ exe, holdsDevice: false, mapped: [] })).toEqual([]);
  });
});
