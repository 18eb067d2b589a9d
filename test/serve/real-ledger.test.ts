import { Agent, request } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { AssayError } from "../../src/model/errors.ts";
import type { Signature } from "../../src/model/signature.ts";
import type { Ledger } from "../../src/ledger/contract.ts";
import type { LiveLabel, ServerParts } from "../../src/serve/server.ts";
import { HEALTHY, served, type Served, smallLedger } from "./support.ts";

const WINDOWS = 50;

let stateDir: string;
let ledger: Ledger;
let url: string;
let shared: Served;

beforeAll(async () => {
  stateDir = mkdtempSync(join(tmpdir(), "assay-serve-"));
  ledger = await smallLedger(stateDir, WINDOWS);
  shared = await served(ledger);
  ({ url } = shared);
});
afterAll(async () => {
  await shared.server.close();
  await ledger.close();
  rmSync(stateDir, { recursive: true });
});

const page = z.object({
  slices: z.array(
    z.looseObject({
      sequence: z.int(),
      fromMs: z.int(),
      toMs: z.int(),
      owner: z.string(),
      label: z.string(),
    }),
  ),
  next: z.int().nullable(),
});

async function pageOf(query: string): Promise<z.infer<typeof page>> {
  const response = await fetch(`${url}/api/v1/slices?${query}`);
  expect(response.status).toBe(200);
  return page.parse(await response.json());
}

async function statusOf(path: string, base = url): Promise<number> {
  return (await fetch(`${base}${path}`)).status;
}

/** A server of its own with some parts exchanged; closed when the test is over. */
async function own(over: Partial<ServerParts>, host?: string): Promise<Served> {
  const made = await served(ledger, over, host);
  onTestFinished(async () => made.server.close());
  return made;
}

describe("/api/v1/slices", () => {
  it.each([
    ["limit=1", 200],
    ["limit=0", 400],
    ["limit=5000", 200],
    ["limit=5001", 400],
    ["limit=1.5", 400],
    ["limit=many", 400],
    ["after=0", 200],
    ["after=-1", 400],
    ["from=0&to=1", 200],
    ["from=2026-01-05T09:00:00Z", 200],
    ["from=soon", 400],
    ["label=mining-like", 200],
    ["label=mining", 400],
    [`owner=${"x".repeat(512)}`, 200],
    [`owner=${"x".repeat(513)}`, 400],
    ["limit=1&limit=2", 400],
    ["colour=red", 400],
  ])("answers ?%s with %i", async (query, status) => {
    expect(await statusOf(`/api/v1/slices?${query}`)).toBe(status);
  });

  it("pages without loss or duplicate, whatever the limit", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 120 }), async (limit) => {
        const seen: number[] = [];
        for (let after: number | null = 0; after !== null;) {
          const { slices, next } = await pageOf(`limit=${limit}&after=${after}`);
          expect(slices.length).toBeLessThanOrEqual(limit);
          seen.push(...slices.map((slice) => slice.sequence));
          after = next;
        }
        expect(seen).toEqual(Array.from({ length: 2 * WINDOWS }, (_, i) => i + 1));
      }),
      { numRuns: 12, examples: [[1], [2 * WINDOWS - 1], [2 * WINDOWS], [2 * WINDOWS + 1]] },
    );
  });

  it("filters by owner and time, the window's end not included", async () => {
    const { slices, next } = await pageOf("owner=user:bob&from=100&to=130");
    expect(next).toBeNull();
    expect(slices.map(({ fromMs, owner }) => [fromMs, owner])).toEqual([
      [100_000, "user:bob"],
      [110_000, "user:bob"],
      [120_000, "user:bob"],
    ]);
    expect((await pageOf("owner=user:carol")).slices).toEqual([]);
    expect((await pageOf("label=idle")).slices).toEqual([]);
    expect((await pageOf("gpu=GPU-b")).slices).toEqual([]);
  });
});

describe("/api/v1/gpus", () => {
  const window = { fromMs: 0, toMs: 10_000 };
  const signature: Signature = {
    gpuUuid: "GPU-a",
    window,
    features: {},
    scale: "none",
    sampleCount: 1,
    coveredMs: 10_000,
  };
  const live: LiveLabel = { label: "idle", confidence: 1, ...window, evidence: [], signature };

  it("says null where there is no verdict yet, and the newest one where there is", async () => {
    const answer = async (base: string): Promise<unknown> =>
      (await fetch(`${base}/api/v1/gpus`)).json();
    expect(await answer(url)).toMatchObject({ gpus: [{ uuid: "GPU-a", live: null }] });
    const { url: withLive } = await own({
      live: (uuid) => (uuid === "GPU-a" ? live : undefined),
    });
    expect(await answer(withLive)).toMatchObject({
      gpus: [{ uuid: "GPU-a", live: { label: "idle", confidence: 1 } }],
    });
  });
});

describe("/api/v1/report", () => {
  it.each([
    ["", "application/json; charset=utf-8", "json"],
    ["?format=csv", "text/csv; charset=utf-8", "csv"],
    ["?format=table", "text/plain; charset=utf-8", "table"],
  ])("%s comes as %s", async (query, type, format) => {
    const response = await fetch(`${url}/api/v1/report${query}`);
    expect(response.headers.get("content-type")).toBe(type);
    expect(await response.text()).toBe(`a report as ${format}\n`);
  });

  it("hands its parameters on as they are", async () => {
    const asked: unknown[] = [];
    const report: ServerParts["report"] = async (wanted) => {
      asked.push(wanted);
      return "";
    };
    const { url: base } = await own({ report });
    await fetch(`${base}/api/v1/report?from=-24h&to=now&groupBy=owner,label`);
    expect(asked).toEqual([{ from: "-24h", to: "now", groupBy: "owner,label", format: "json" }]);
  });
});

describe("errors", () => {
  it("have a code, a message, a place and a hint, and no more", async () => {
    const response = await fetch(`${url}/api/v1/slices?limit=0`);
    expect(response.headers.get("content-type")).toMatch(/^application\/json/);
    expect(await response.json()).toEqual({
      error: {
        code: "request/invalid",
        message: expect.stringContaining("limit"),
        place: "query parameter limit",
        hint: expect.any(String),
      },
    });
  });

  it("tell whoever asks nothing of a failure inside, and the log everything", async () => {
    const broken = new Error("the password is hunter2");
    const report = async (): Promise<string> => Promise.reject(broken);
    const { url: base, errors } = await own({ report });
    const response = await fetch(`${base}/api/v1/report`);
    expect(response.status).toBe(500);
    const text = await response.text();
    expect(text).not.toContain("hunter2");
    expect(JSON.parse(text)).toMatchObject({ error: { code: "request/internal" } });
    expect(errors).toEqual([broken]);
    expect(await statusOf("/healthz", base)).toBe(200);
  });

  it("of the ledger and the prices keep their code; only bad input is the caller's fault", async () => {
    const fails: [ConstructorParameters<typeof AssayError>[0], number][] = [
      ["price/missing", 400],
      ["report/unreconciled", 500],
    ];
    for (const [code, status] of fails) {
      const report = async (): Promise<string> => Promise.reject(new AssayError(code, "no"));
      const { url: base } = await own({ report });
      const response = await fetch(`${base}/api/v1/report`);
      expect(response.status).toBe(status);
      expect(await response.json()).toMatchObject({ error: { code } });
    }
  });

  it.each([
    ["POST", "/api/v1/slices", 404],
    ["DELETE", "/metrics", 404],
    ["GET", "/", 404],
    ["GET", "/api/v1/slices/1", 404],
    ["GET", "/%ZZ", 400],
    ["HEAD", "/healthz", 200],
  ])("%s %s is %i: the API only reads", async (method, path, status) => {
    expect((await fetch(`${url}${path}`, { method })).status).toBe(status);
  });
});

describe("headers", () => {
  it.each(["/healthz", "/metrics", "/api/v1/gpus", "/nothing"])("are safe on %s", async (path) => {
    const { headers } = await fetch(`${url}${path}`);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("content-security-policy")).toBe("default-src 'none'");
    expect(headers.get("access-control-allow-origin")).toBeNull();
  });

  const statusWith = async (host: string, base = url): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const headers = { Host: host };
      request(`${base}/healthz`, { headers, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on("error", reject)
        .end();
    });

  it.each([
    ["localhost", 200],
    ["LOCALHOST:9836", 200],
    ["127.0.0.1:1", 200],
    ["127.8.8.8", 200],
    ["[::1]:9836", 200],
    ["127.0.0.1.example.org", 403],
    ["localhost.example.org", 403],
    ["example.org:9836", 403],
    ["192.168.1.1", 403],
  ])("a Host of %s on loopback is %i", async (host, status) => {
    expect(await statusWith(host)).toBe(status);
  });

  it("a Host of any name is fine where the operator listens to the world", async () => {
    const { server, url: base } = await own({}, "0.0.0.0");
    expect(server.address).toMatch(/^0\.0\.0\.0:\d+$/);
    expect(await statusWith("gpu-node.example.org", base)).toBe(200);
  });
});

describe("/healthz", () => {
  const failing = { ...HEALTHY.writer, state: "failing" as const, queuedSlices: 7 };
  const source = { name: "nvml", successes: 0, failures: 3, drops: 0 };
  it.each([
    [
      "the ledger cannot be written",
      { writer: { ...failing, lastError: "ledger/full: the disk is full" } },
      /cannot be written \(ledger\/full: the disk is full\); 7 slices wait/,
    ],
    [
      "a source fails",
      { sources: [{ ...source, state: "failing" as const, detail: "driver lost" }] },
      /source nvml fails: driver lost/,
    ],
    ["slices were lost", { writer: { ...HEALTHY.writer, droppedSlices: 2 } }, /2 slices were lost/],
    ["an alert is dead", { outbox: { due: 0, delivered: 1, dead: 1 } }, /1 alert messages? could/],
  ])("is 503 and says why where %s", async (_name, over, reason) => {
    const { url: base } = await own({ health: async () => ({ ...HEALTHY, ...over }) });
    const response = await fetch(`${base}/healthz`);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      status: "degraded",
      problems: [expect.stringMatching(reason)],
    });
    expect(await (await fetch(`${base}/metrics`)).text()).toMatch(/^gpu_assay_problems 1$/m);
  });

  it("is 200 where a source is merely absent", async () => {
    const sources = [{ ...source, state: "absent" as const, detail: "no driver" }];
    const { url: base } = await own({ health: async () => ({ ...HEALTHY, sources }) });
    const response = await fetch(`${base}/healthz`);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ status: "ok", problems: [] });
  });
});

describe("closing", () => {
  it("does not wait for a connection that is kept alive, and frees the port", async () => {
    const { server, url: base } = await served(ledger);
    const agent = new Agent({ keepAlive: true });
    await new Promise<void>((resolve, reject) => {
      request(`${base}/healthz`, { agent }, (response) => {
        response.resume();
        response.on("end", resolve);
      })
        .on("error", reject)
        .end();
    });
    expect(Object.keys(agent.freeSockets)).toHaveLength(1); // control: it is open still
    await server.close();
    await expect(fetch(`${base}/healthz`)).rejects.toThrow("fetch failed");
    agent.destroy();
  });

  it("names an IPv6 address so that it can be asked", async () => {
    const made = await own({}, "::1").catch((error: unknown) => error);
    if (made instanceof AssayError) return expect(made.code).toBe("listen/denied"); // no IPv6 here
    const { url: base } = z.object({ url: z.string() }).parse(made);
    expect(base).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect(await statusOf("/healthz", base)).toBe(200);
  });
});
