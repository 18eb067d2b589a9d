import { appendFileSync, utimesSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  BASE_MS,
  hostOp,
  imported,
  kernel,
  kinetoText,
  memcpy,
  of,
  tracePath,
  writeGzip,
  writeKineto,
} from "./traces.ts";

describe("a trace of PyTorch's profiler", () => {
  it("becomes launches with durations, utilisation and processes, second by second", async () => {
    const { seen, read } = await imported(
      writeKineto([
        hostOp(900),
        kernel({ name: "gemm", us: 1000, durUs: 250_000 }),
        kernel({ name: "gemm", us: 501_000, durUs: 250_000 }),
        memcpy(800_000),
        kernel({ name: "softmax", us: 1_001_000, durUs: 500_000 }),
      ]),
    );
    expect(read.warnings).toEqual([]);
    const [node] = of(seen, "node");
    expect(node).toMatchObject({
      source: "pytorch-profiler",
      simulated: false,
      gpus: [{ index: 0, model: "Example GPU", memoryTotalBytes: 85899345920 }],
    });
    const shape = { grid: [128, 2, 1], block: [256, 1, 1] };
    expect(of(seen, "launches")).toMatchObject([
      {
        atMs: BASE_MS + 1001,
        windowSeconds: 1,
        pid: 4242,
        list: [{ name: "gemm", count: 2, durationSeconds: 0.5, ...shape }],
      },
      {
        atMs: BASE_MS + 1501,
        windowSeconds: 0.5,
        pid: 4242,
        list: [{ name: "softmax", count: 1, durationSeconds: 0.5, ...shape }],
      },
    ]);
    expect(of(seen, "gpu").map(({ atMs, gpuUtil }) => [atMs - BASE_MS, gpuUtil])).toEqual([
      [1, undefined],
      [1001, 0.5],
      [1501, 1],
    ]);
    expect(of(seen, "processes").every(({ list }) => list[0]?.pid === 4242)).toBe(true);
  });

  it("counts overlapping kernels as busy once, also over the end of a second", async () => {
    const { seen } = await imported(
      writeKineto([
        kernel({ us: 0, durUs: 400_000 }),
        kernel({ us: 200_000, durUs: 400_000, stream: 8 }),
        kernel({ us: 900_000, durUs: 600_000 }),
        kernel({ us: 1_900_000, durUs: 100_000 }),
      ]),
    );
    const used = of(seen, "gpu").map(({ gpuUtil }) => gpuUtil);
    expect(used[1]).toBeCloseTo(0.7);
    expect(used[2]).toBeCloseTo(0.6);
  });

  it("is the same in whatever order its events come", async () => {
    const events = [5, 1, 3, 2, 4].map((i) => kernel({ name: `k${i}`, us: i * 300_000 }));
    const [there, back] = [
      await imported(writeKineto(events)),
      await imported(writeKineto(events.toReversed())),
    ];
    expect(back.seen).toEqual(there.seen);
  });

  it("of several devices tells them apart, and may be read of one alone", async () => {
    const path = writeKineto([kernel({ us: 0 }), kernel({ us: 0, device: 3 })]);
    const both = await imported(path);
    expect(of(both.seen, "node")[0]?.gpus.map(({ index, model }) => [index, model])).toEqual([
      [0, "Example GPU"],
      [3, "unknown GPU"],
    ]);
    const one = await imported(path, { gpu: 3 });
    expect(of(one.seen, "node")[0]?.gpus.map(({ index }) => index)).toEqual([3]);
    await expect(imported(path, { gpu: 1 })).rejects.toMatchObject({ code: "trace/no-kernels" });
  });

  it("is of the process that does most on the host, unless another is named", async () => {
    const path = writeKineto([hostOp(1, 10), hostOp(2, 11), hostOp(3, 11), kernel({ us: 4 })]);
    const told = await imported(path);
    expect(of(told.seen, "launches")[0]?.pid).toBe(11);
    expect(told.read.warnings[0]).toContain("several processes");
    expect(of((await imported(path, { pid: 10 })).seen, "launches")[0]?.pid).toBe(10);
    const nobody = await imported(writeKineto([kernel({ us: 4 })]));
    expect(of(nobody.seen, "launches")[0]?.pid).toBe(0);
    expect(nobody.read.warnings[0]).toContain("--pid");
  });

  it("is dated by its base, by times since the epoch, or by its file", async () => {
    const at = async (path: string): Promise<number> =>
      of((await imported(path)).seen, "node")[0]?.atMs ?? 0;
    const events = [kernel({ us: 2_000_000, durUs: 500_000 })];
    expect(await at(writeKineto(events))).toBe(BASE_MS + 2000);
    const since = [kernel({ us: BASE_MS * 1000 + 7000 })];
    expect(await at(writeKineto(since, { baseTimeNanoseconds: undefined }))).toBe(BASE_MS + 7);
    expect(await at(writeKineto(since))).toBe(BASE_MS + 7);
    const undated = writeKineto(events, { baseTimeNanoseconds: undefined });
    utimesSync(undated, BASE_MS / 1000, BASE_MS / 1000);
    expect(await at(undated)).toBe(BASE_MS - 500);
  });

  it("is read where the base stands after the events, as a bare list, and in capitals", async () => {
    const base = { baseTimeNanoseconds: BASE_MS * 1e6 };
    const path = tracePath("after.json");
    writeFileSync(path, JSON.stringify({ traceEvents: [kernel({ us: 1000 })], ...base }));
    expect(of((await imported(path)).seen, "node")[0]?.atMs).toBe(BASE_MS + 1);
    writeFileSync(path, `\u{feff} ${JSON.stringify([{ ...kernel({ us: 1 }), cat: "Kernel" }])}`);
    expect(of((await imported(path)).seen, "launches")).toHaveLength(1);
  });

  it("leaves out what is no kernel, and counts kernels that cannot be read", async () => {
    const bad = [
      { ...kernel({ us: 1 }), ts: "soon" },
      { ...kernel({ us: 1 }), dur: -1 },
      { cat: "kernel" },
    ];
    const odd = [null, 7, "kernel", [], { cat: 5 }, { ...kernel({ us: 9 }), args: { grid: "no" } }];
    const { seen, read } = await imported(writeKineto([...bad, ...odd, hostOp(1)]));
    expect(of(seen, "launches")[0]?.list).toMatchObject([{ name: "k", count: 1, grid: undefined }]);
    expect(read.warnings[0]).toMatch(/^3 kernels could not be read/);
  });

  it("lists no more than 256 kernels of a second, and counts the others together", async () => {
    const many = Array.from({ length: 300 }, (_, i) => kernel({ name: `k${i}`, us: i }));
    const list = of((await imported(writeKineto(many))).seen, "launches")[0]?.list ?? [];
    expect(list).toHaveLength(257);
    expect(list.at(-1)).toEqual({ count: 44, durationSeconds: expect.closeTo(0.0044) });
  });
});

const text = kinetoText([hostOp(1), kernel({ us: 10 }), kernel({ us: 20 })]);

describe("a trace that breaks off", () => {
  it.each([
    [
      "gzip",
      () =>
        writeGzip(
          kinetoText(
            Array.from({ length: 5000 }, (_, i) => kernel({ us: i, name: `k${i * 7919}` })),
          ),
          200,
        ),
    ],
    [
      "plain",
      () => {
        const path = tracePath("cut.json");
        writeFileSync(path, text.slice(0, text.indexOf('"ts":20')));
        return path;
      },
    ],
  ])("is read as far as it goes (%s)", async (_, write) => {
    const { seen, read } = await imported(write());
    expect(of(seen, "launches")[0]?.list.length).toBeGreaterThan(0);
    expect(read.warnings[0]).toContain("breaks off");
  });

  it("whole and packed is as good as plain", async () => {
    expect((await imported(writeGzip(text))).read.warnings).toEqual([]);
  });
});

describe("what is no trace is refused", () => {
  const written = (content: string | Buffer, name = "trace.json"): string => {
    const path = tracePath(name);
    writeFileSync(path, content);
    return path;
  };

  it.each([
    ["nothing", "", "trace/format"],
    ["text", "hello", "trace/format"],
    ["an empty gzip", Buffer.from([0x1f, 0x8b, 8, 0]), "trace/format"],
    ["an object without events", '{"a":1}', "trace/format"],
    ["an object whose events are no list", '{"traceEvents":5}', "trace/format"],
    ["an empty list", '{"traceEvents":[]}', "trace/format"],
    ["a list cut off at once", '{"traceEvents":[', "trace/malformed"],
    ["damage in the middle", text.replace('"cat":"kernel"', '"cat":}}'), "trace/malformed"],
    ["more after the end", `${text} x`, "trace/malformed"],
    ["events without a kernel", kinetoText([hostOp(1), memcpy(2)]), "trace/no-kernels"],
  ])("%s", async (_, content, code) => {
    await expect(imported(written(content))).rejects.toMatchObject({
      code,
      exitCode: 2,
      place: expect.stringContaining("trace.json"),
      hint: expect.stringMatching(/./),
    });
  });

  it("a file that is not there, a folder, a report that was not exported", async () => {
    const missing = tracePath("none.json");
    await expect(imported(missing)).rejects.toMatchObject({
      code: "trace/not-found",
      hint: "ENOENT",
    });
    await expect(imported("/tmp")).rejects.toMatchObject({ code: "trace/not-found" });
    const report = written("NVTX....", "run.nsys-rep");
    await expect(imported(report)).rejects.toMatchObject({
      code: "trace/format",
      hint: expect.stringContaining("nsys export --type sqlite"),
    });
  });

  it("also where damage follows what could be read", async () => {
    const path = written(text);
    appendFileSync(path, "{");
    await expect(imported(path)).rejects.toMatchObject({ code: "trace/malformed" });
  });
});
