import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { namesOf } from "../../../src/collect/processes/mapped.ts";
import { createProcessReader } from "../../../src/collect/processes/reader.ts";
import { GPU, writtenProc } from "../host/proc-tree.ts";

const rig = () => {
  const tree = writtenProc();
  const clock = { nowMs: 0 };
  const passwdPath = join(tree.root, "passwd");
  const reader = createProcessReader(
    { procRoot: tree.root, passwdPath, pids: "trusted" },
    { monotonicMs: () => clock.nowMs },
  );
  return { tree, clock, reader };
};

describe("what a process descends from", () => {
  it("is told nearest first, each with its own title and user", () => {
    const { tree, reader } = rig();
    const title = "slurmstepd: [4711.0]";
    tree.write(400, { comm: "slurmstepd", argv: [title, "more"], uid: 0, startTicks: 400 });
    tree.write(450, { comm: "bash", ppid: 400, startTicks: 450 });
    tree.write(500, { ppid: 450 });
    expect(reader.describe(500)?.lineage).toEqual([
      { pid: 450, startTimeMs: 1_700_000_004_500, comm: "bash", title: "bash", user: "alice" },
      { pid: 400, startTimeMs: 1_700_000_004_000, comm: "slurmstepd", title, user: "uid:0" },
      { pid: 1, startTimeMs: 1_700_000_000_010, comm: "init", title: "init", user: "uid:0" },
    ]);
  });

  it.each([
    [499, [400]],
    [500, [400]],
    [501, undefined],
  ])("has no parent that began after it: at %s", (startTicks, pids) => {
    const { tree, reader } = rig();
    tree.write(400, { ppid: 0, startTicks });
    tree.write(500, { ppid: 400, startTicks: 500 });
    expect(reader.describe(500)?.lineage?.map(({ pid }) => pid)).toEqual(pids);
  });

  it.each([
    [15, 15],
    [16, 16],
    [17, 16],
  ])("of %s parents has %s", (parents, told) => {
    const { tree, reader } = rig();
    for (let depth = 0; depth <= parents; depth += 1)
      tree.write(500 + depth, { ppid: depth === 0 ? 0 : 499 + depth });
    expect(reader.describe(500 + parents)?.lineage).toHaveLength(told);
  });

  it("is absent where not even the parent can be looked at, and empty where there is none", () => {
    const { tree, reader } = rig();
    tree.write(500, { ppid: 499 });
    tree.write(501, { ppid: 0 });
    expect(reader.describe(500)).not.toHaveProperty("lineage");
    expect(reader.describe(501)?.lineage).toEqual([]);
  });
});

describe("who it is for", () => {
  it.each<[number, string | undefined]>([
    [1001, "bob"],
    [4242, "uid:4242"],
    [4_294_967_295, undefined],
  ])("login %s is %s", (loginUid, loginUser) => {
    const { tree, reader } = rig();
    tree.write(500, { uid: 0, loginUid });
    const details = reader.describe(500);
    expect(details?.uid).toBe(0);
    expect(details?.loginUser).toBe(loginUser);
  });
});

describe("what it has open and mapped", () => {
  it.each<[Record<string, string>, boolean]>([
    [GPU, true],
    [{ "0": "/dev/null" }, false],
    [{ "3": "/dev/dri/card0" }, false],
  ])("%j: holds a GPU %s", (fds, holdsDevice) => {
    const { tree, reader } = rig();
    tree.write(500, { fds });
    expect(reader.describe(500)?.holdsDevice).toBe(holdsDevice);
  });

  it("is not told where it may not be looked at", () => {
    const { tree, reader } = rig();
    rmSync(join(tree.write(500), "fd"), { recursive: true });
    expect(reader.describe(500)).not.toHaveProperty("holdsDevice");
    expect(reader.describe(500)).not.toHaveProperty("mapped");
  });

  it("is read often while the process is young, rarely after that, anew for a new program", () => {
    const { tree, clock, reader } = rig();
    const write = (library: string, comm = "python"): void => {
      const folder = tree.write(500, { comm });
      writeFileSync(
        join(folder, "maps"),
        `7f00-7f01 r-xp 0 8:1 5 /usr/lib/${library}\n7f02 rw [heap]`,
      );
    };
    const at = (ms: number) => {
      clock.nowMs = ms;
      return reader.describe(500)?.mapped;
    };
    write("libcuda.so.1");
    expect(at(0)).toEqual(["cuda"]);
    write("libnccl.so.2");
    expect([at(9999), at(10_000)]).toEqual([["cuda"], ["nccl"]]);
    expect(at(120_000)).toEqual(["nccl"]);
    write("libOpenCL.so.1");
    expect([at(700_000), at(720_000)]).toEqual([["nccl"], ["opencl"]]);
    write("libvulkan.so.1", "game");
    expect(at(720_001)).toEqual(["vulkan"]);
  });

  it.each([
    ["/usr/lib/libcuda.so.550.54", ["cuda"]],
    ["/usr/local/cuda/lib64/libcudart.so.12", ["cudart"]],
    ["/v/site-packages/torch/lib/libcudart-a7b20f20.so.11.0", ["cudart", "torch"]],
    ["/v/lib/libtorch_cuda.so", ["torch"]],
    ["/v/lib/libc10.so", ["torch"]],
    ["/v/lib/libcudnn_ops_infer.so.8", ["cudnn"]],
    ["/v/lib/libcublasLt.so.12", ["cublas"]],
    ["/v/lib/libnvrtc.so.12 (deleted)", ["nvrtc"]],
    ["/v/site-packages/jaxlib/xla_extension.so", ["jax"]],
    ["/v/lib/libnvinfer.so.10", ["tensorrt"]],
    ["/v/lib/libnvidia-opencl.so.1", ["opencl"]],
    ["/opt/rocm/lib/libamdhip64.so.6", ["hip"]],
    ["/opt/rocm/lib/libhsa-runtime64.so.1", ["rocm"]],
    ["/usr/lib/libze_loader.so.1", ["level-zero"]],
    ["/usr/lib/libc.so.6", []],
    ["/usr/lib/libcudaish.so", []],
    ["/home/torch/libfoo.so", []],
    ["/usr/lib/libtorchlight.so", []],
  ])("%s is %j", (path, names) => {
    expect(namesOf([path])).toEqual(names);
  });
});
