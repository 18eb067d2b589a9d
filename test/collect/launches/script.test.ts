import { describe, expect, it } from "vitest";
import { LIBRARY_KINDS, libraryKind } from "../../../src/collect/launches/entry-points.ts";
import { parseMaps } from "../../../src/collect/launches/maps.ts";
import { launchScript } from "../../../src/collect/launches/script.ts";

const [driver, runtime] = LIBRARY_KINDS;
if (!driver || !runtime) throw new Error("no kinds of libraries");

const settings = { pids: [1, 2], windowMs: 2000, bucketMs: 10, architecture: "x64" };
const of = (path: string, kind = driver) => ({ path, entries: kind.entries, names: kind.names });

describe("the program of a window", () => {
  it("has a probe for each function that a library has, and no other", () => {
    const [first, second] = driver.entries;
    const entries = [first, second].filter((each) => each !== undefined);
    const script = launchScript({
      ...settings,
      libraries: [{ path: "/x/0.so", entries, names: [] }],
    });
    const probes = script.split("\n").filter((line) => line.startsWith("uprobe:"));
    expect(probes.map((line) => line.split(" ")[0])).toEqual([
      "uprobe:/x/0.so:cuLaunchKernel",
      "uprobe:/x/0.so:cuLaunchKernel_ptsz",
    ]);
    expect(script).not.toContain("@pending");
  });

  it("follows calls of the runtime into the driver only where both are there", () => {
    const both = launchScript({ ...settings, libraries: [of("/x/0.so"), of("/x/1.so", runtime)] });
    expect(both).toContain("@nested[pid] = count()");
    expect(both).toContain("clear(@pending)");
    expect(launchScript({ ...settings, libraries: [of("/x/0.so")] })).not.toContain("@nested");
  });

  it("takes the seventh argument from where the machine has it", () => {
    const on = (architecture: string) =>
      launchScript({ ...settings, architecture, libraries: [of("/x/0.so")] });
    expect(on("x64")).toContain("(uint32)sarg0");
    expect(on("arm64")).toContain("(uint32)arg6");
    expect(on("riscv64")).not.toMatch(/sarg0|arg6/);
  });

  it.each(['/x/"; exit(); //.so', "/x/a b.so", "/x/a:b.so", "/x/{}.so", "/x/\n.so", "x.so", ""])(
    "refuses the path %j",
    (path) => {
      expect(() => launchScript({ ...settings, libraries: [of(path)] })).toThrow("plain paths");
    },
  );

  it.each([[[1.5]], [[-1]], [[Number.NaN]]])("refuses the pids %j", (pids) => {
    expect(() => launchScript({ ...settings, pids, libraries: [of("/x/0.so")] })).toThrow(
      "whole numbers",
    );
  });
});

describe("a library in which launches can be seen", () => {
  it.each([
    ["/usr/lib/x86_64-linux-gnu/libcuda.so.1", "cuda-driver"],
    ["/usr/lib/libcuda.so.550.54.15", "cuda-driver"],
    ["/opt/venv/lib/libcudart.so.12", "cuda-runtime"],
    ["/site-packages/torch/lib/libcudart-d0da41ae.so.11.0", "cuda-runtime"],
    ["/opt/rocm/lib/libamdhip64.so.6", "hip"],
    ["/usr/lib/libOpenCL.so.1", "opencl"],
    ["/usr/lib/libvulkan.so.1", "vulkan"],
    ["/usr/lib/libze_loader.so.1", "level-zero"],
  ])("%s is one of %s", (path, api) => {
    expect(libraryKind(path)?.api).toBe(api);
  });

  it.each([
    "/usr/lib/libcudadebugger.so.1",
    "/usr/lib/libcuda.so.1/file",
    "/usr/lib/mylibcuda.so.1",
    "/usr/lib/libcudart_static.a",
    "/usr/lib/libcudart-evil name.so",
    "/usr/lib/libnvidia-opencl.so.1",
    "libcuda",
    "",
  ])("%j is none", (path) => {
    expect(libraryKind(path)).toBeUndefined();
  });

  it("has an entry of its own for each number", () => {
    const ids = LIBRARY_KINDS.flatMap(({ entries }) => entries.map(({ id }) => id));
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("a process's maps", () => {
  const text = [
    "7ff3e3d09000-7ff3e3d0a000 r--p 00000000 fe:00 2155690                    /a b/libcuda.so.1",
    "7ff3e3d0a000-7ff3e3d0b000 r-xp 00001000 fe:00 2155690                    /a b/libcuda.so.1 (deleted)",
    "7ff3e3d0b000-7ff3e3d0c000 r-xp 00000000 00:00 0 ",
    "7ffd0f7fe000-7ffd0f81f000 rw-p 00000000 00:00 0                          [stack]",
    "nonsense",
    "",
  ].join("\n");

  it("hold the files, by what identifies them", () => {
    const found = parseMaps(text, () => true);
    expect(found.map(({ path }) => path)).toEqual(["/a b/libcuda.so.1", "/a b/libcuda.so.1"]);
    expect(found.map(({ isExecutable }) => isExecutable)).toEqual([false, true]);
    expect(found[1]).toMatchObject({
      range: "7ff3e3d0a000-7ff3e3d0b000",
      offset: 0x1000n,
      file: "fe:00 2155690",
      inode: 2155690,
    });
    expect(parseMaps(text, () => false)).toEqual([]);
  });
});
