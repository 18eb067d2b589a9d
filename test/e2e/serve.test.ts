import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { Assay, DEMO } from "./support/assay.ts";
import { brokenWindows, windowsOf } from "./support/ledger.ts";

const GPU_0 = "GPU-de300000-0000-4000-8000-000000000000";

const slicePage = z.object({
  slices: z.array(
    z.object({
      sequence: z.number(),
      gpu: z.string(),
      from: z.iso.datetime(),
      to: z.iso.datetime(),
      timeMs: z.number(),
      owner: z.string(),
      label: z.string(),
    }),
  ),
  next: z.number().optional(),
});

const reportJson = z.object({
  totals: z.object({ gpuMs: z.number(), energyMj: z.number() }),
  lines: z.array(
    z.object({ gpuMs: z.number(), energyMj: z.number().optional(), owner: z.string() }),
  ),
});

const errorBody = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    place: z.string().optional(),
    hint: z.string().optional(),
  }),
});

interface Answer {
  status: number;
  body: string;
}

/** A plain request, because fetch does not let the Host header be chosen. */
async function ask(url: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text: string) => (body += text));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    sent.on("error", reject).end();
  });
}

describe("the HTTP API of a daemon that runs on a recording", () => {
  let program: Assay;
  let url: string;
  let stateDir: string;

  beforeAll(async () => {
    stateDir = mkdtempSync(join(tmpdir(), "assay-e2e-"));
    const listen = ["--listen", "127.0.0.1:0"];
    const recording = ["--recording", DEMO, "--speed", "60"];
    program = new Assay(["run", ...recording, "--state-dir", stateDir, ...listen], {});
    url = await program.address();
    await program.says("stdout", /09:02:00 gpu1/);
  });

  afterAll(async () => {
    program.kill("SIGKILL");
    await program.ended;
    rmSync(stateDir, { recursive: true, force: true });
  });

  it("is healthy", async () => {
    const { status, body } = await ask(`${url}/healthz`);
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({
      status: "ok",
      reasons: [],
      node: "demo-node",
    });
  });

  it("has metrics whose GPU seconds add up to whole windows", async () => {
    const { status, body } = await ask(`${url}/metrics`);
    expect(status).toBe(200);
    const seconds = new Map<string, number>();
    for (const [, labels = "", value] of body.matchAll(
      /^gpu_assay_gpu_seconds_total\{(.*)\} (\S+)$/gm,
    )) {
      const gpu = /gpu="([^"]+)"/.exec(labels)?.[1] ?? "";
      seconds.set(gpu, (seconds.get(gpu) ?? 0) + Number(value));
    }
    expect([...seconds.keys()].sort()).toEqual([GPU_0, GPU_0.replace(/0$/, "1")]);
    for (const total of seconds.values()) {
      expect(total).toBeGreaterThanOrEqual(120);
      expect(total % 10).toBeCloseTo(0, 6);
    }
  });

  it("lists the GPUs with what they do now", async () => {
    const { status, body } = await ask(`${url}/api/v1/gpus`);
    expect(status).toBe(200);
    const live = { label: expect.any(String), confidence: expect.any(Number) };
    expect(JSON.parse(body)).toMatchObject({
      gpus: [
        { uuid: GPU_0, index: 0, simulated: true, live },
        { index: 1, simulated: true, live },
      ],
    });
  });

  it("pages through the slices, each once, in order, and whole", async () => {
    const until = "2026-01-05T09:02:00Z";
    const seen: z.infer<typeof slicePage>["slices"] = [];
    for (let after = 0; ;) {
      const { body } = await ask(`${url}/api/v1/slices?to=${until}&limit=7&after=${after}`);
      const page = slicePage.parse(JSON.parse(body));
      seen.push(...page.slices);
      if (page.next === undefined) break;
      after = page.next;
    }
    const sequences = seen.map((slice) => slice.sequence);
    expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b));
    expect(seen.reduce((sum, slice) => sum + slice.timeMs, 0)).toBe(2 * 120_000);
  });

  it("reports lines that sum to the totals", async () => {
    const window = "from=2026-01-05T09:00:00Z&to=2026-01-05T09:02:00Z";
    const { status, body } = await ask(`${url}/api/v1/report?format=json&${window}`);
    expect(status).toBe(200);
    const { totals, lines } = reportJson.parse(JSON.parse(body));
    expect(totals.gpuMs).toBe(240_000);
    expect(lines.reduce((sum, line) => sum + line.gpuMs, 0)).toBe(totals.gpuMs);
    expect(lines.reduce((sum, line) => sum + (line.energyMj ?? 0), 0)).toBe(totals.energyMj);
  });

  it.each([
    ["an unknown path", "/api/v2/nothing", {}, 404, "request/not-found"],
    ["the name of another site", "/healthz", { Host: "rebound.example" }, 403, "request/host"],
    ["a limit of 0", "/api/v1/slices?limit=0", {}, 400, "request/invalid"],
    ["an unknown parameter", "/api/v1/slices?limits=5", {}, 400, "request/invalid"],
    ["a time that is none", "/api/v1/slices?from=yesterday", {}, 400, "report/window"],
    ["an unknown group", "/api/v1/report?groupBy=colour", {}, 400, "request/invalid"],
    ["a reversed window", "/api/v1/report?from=now&to=-1h", {}, 400, "report/window"],
    ["an unknown format", "/api/v1/report?format=pdf", {}, 400, "request/invalid"],
  ])("refuses %s", async (_name, path, headers, status, code) => {
    const answer = await ask(`${url}${path}`, headers);
    const { error } = errorBody.parse(JSON.parse(answer.body));
    expect({ status: answer.status, code: error.code }).toEqual({ status, code });
    expect(error.hint ?? error.place).toEqual(expect.any(String));
    expect(answer.body).not.toMatch(/at .*\.[jt]s:\d+/); // what went wrong inside stays inside
  });

  it("answers to the names of the loopback", async () => {
    for (const Host of ["localhost", "127.0.0.1:80", "[::1]:9836"])
      expect(await ask(`${url}/healthz`, { Host })).toMatchObject({ status: 200 });
  });

  it("ends on SIGTERM with a report, everything written and exit code 0", async () => {
    program.kill("SIGTERM");
    const { code, signal, stdout, stderr } = await program.ended;
    expect({ code, signal, stderr }).toMatchObject({ code: 0, signal: null });
    expect(stdout).toMatch(/^Reconciled: .* 0 without a slice; lines sum to \d+ ms\.$/m);
    const windows = windowsOf(stateDir);
    expect(brokenWindows(windows)).toEqual([]);
    const printed = new Set(stdout.match(/^\d\d:\d\d:\d\d gpu\d /gm));
    expect(windows).toHaveLength(printed.size);
  });
});
