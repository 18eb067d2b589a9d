import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { answers, catalogue, folder, outputOf } from "./catalogue.ts";

/** A Python with PyTorch: `ASSAY_PYTHON=/venv/bin/python`; `ASSAY_RUN_ALL=1` runs every workload. */
const python = process.env["ASSAY_PYTHON"] ?? "python3";
const absent = !answers(python, "-c", "import torch");
const suffix = absent ? ` (skipped: ${python} has no PyTorch; set ASSAY_PYTHON)` : "";

const Line = z.looseObject({
  event: z.string(),
  t: z.number(),
  throughput: z.number().optional(),
  unit: z.string().optional(),
  lossFirst: z.number().optional(),
  lossLast: z.number().optional(),
  reason: z.string().optional(),
});
type Line = z.infer<typeof Line>;

/** Runs a workload in toy size on the CPU; `onLine` may answer or signal it. */
async function run(
  words: string[],
  onLine?: (line: Line, child: ReturnType<typeof spawn>) => void,
): Promise<{ lines: Line[]; code: number | null }> {
  const child = spawn(python, ["-B", ...words], {
    cwd: folder,
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, OMP_NUM_THREADS: "1" },
  });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  const lines: Line[] = [];
  for await (const text of createInterface({ input: child.stdout })) {
    const line = Line.parse(JSON.parse(text));
    lines.push(line);
    onLine?.(line, child);
  }
  return { lines, code: await ended };
}

const events = (lines: Line[]): string[] => lines.map(({ event }) => event);
const toy = ["--device", "cpu", "--tiny", "--seconds", "2"];

const parts = catalogue().workloads.flatMap((one) =>
  one.parts.filter(({ kind }) => kind === "python"),
);
const every = [
  ...new Map(
    parts.map(({ program, arguments: [name = ""], label }) => [name, { program, name, label }]),
  ).values(),
];
const few = new Set(["vit", "decode-graphs", "matmul-pow-int8"]);
const chosen = process.env["ASSAY_RUN_ALL"] ? every : every.filter(({ name }) => few.has(name));

describe.skipIf(absent)(`PyTorch workloads on the CPU, in toy size${suffix}`, () => {
  it.each(chosen)(
    "$name is ready, works and says how much",
    { timeout: 120_000 },
    async ({ program, name, label }) => {
      const { lines, code } = await run([program, name, ...toy]);
      expect([code, events(lines).filter((event) => event !== "phase")]).toEqual([
        0,
        ["ready", "done"],
      ]);
      const done = lines.at(-1);
      if (label === "idle") expect(done?.throughput).toBe(0);
      else expect(done?.throughput).toBeGreaterThan(0);
      if (done?.lossFirst !== undefined) expect(done.lossLast).toBeLessThan(done.lossFirst);
    },
  );

  it(
    "waits for a word before it touches the device, and ends early when asked to",
    { timeout: 120_000 },
    async () => {
      const words = ["other.py", "sort", "--device", "cpu", "--tiny", "--seconds", "500", "--wait"];
      const { lines, code } = await run(words, ({ event }, child) => {
        if (event === "imported") child.stdin?.write("go\n");
        if (event === "ready") setTimeout(() => child.kill("SIGTERM"), 300);
      });
      expect([code, events(lines)]).toEqual([0, ["imported", "ready", "done"]]);
    },
  );

  it.skipIf(answers("nvidia-smi"))(
    "says why where there is no device, with an exit code of its own",
    { timeout: 120_000 },
    async () => {
      const { lines, code } = await run(["other.py", "sort"]);
      expect([code, lines.map(({ event, reason }) => [event, reason])]).toEqual([
        4,
        [["refused", "no CUDA device"]],
      ]);
    },
  );

  it("the models are what the workloads say they are", { timeout: 120_000 }, () => {
    const found: unknown = JSON.parse(outputOf(python, ["-B", "check.py"], { cwd: folder }));
    expect(found).toEqual({
      gradients: true,
      loraTrainsAdaptersOnly: true,
      cacheAgrees: true,
      cacheIsUsed: true,
      slotsAgree: true,
      int8Error: expect.closeTo(0, 1),
      fp8Error: expect.closeTo(0, 1),
    });
  });
});
