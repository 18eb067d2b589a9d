import { request } from "node:http";
import { type Socket, connect, createServer as createTcpServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { parsePriceList } from "../../src/bill/price-list.ts";
import { createMetrics } from "../../src/export/prometheus.ts";
import { AssayError } from "../../src/model/errors.ts";
import { type Server, createServer } from "../../src/serve/server.ts";
import type { ServerSettings } from "../../src/serve/settings.ts";
import { parseExposition } from "../support/exposition.ts";
import { MemoryLedger } from "../support/memory-ledger.ts";
import { gpu, slice } from "../support/slices.ts";

const NOW = 100_000;
const slices = Array.from({ length: 5 }, (_, i) =>
  slice(
    "G",
    i * 10_000,
    (i + 1) * 10_000,
    i < 3 ? "user:alice" : "user:bob",
    i < 4 ? "other" : "idle",
  ),
);

const settings = (extra: Partial<ServerSettings> = {}): ServerSettings => ({
  ledger: new MemoryLedger({ gpus: [gpu("G")], slices }),
  prices: () => parsePriceList("currency: USD\ndefault: { perGpuHour: 3.6 }\n", "prices.yaml"),
  metrics: createMetrics({ agentVersion: "1", modelVersion: "2", node: "n" }),
  health: () => ({ node: "n", agentVersion: "1", startedAtMs: 40_000, reasons: [] }),
  nowMs: () => NOW,
  ...extra,
});

const open: Server[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of open.splice(0)) await server.close();
});

async function started(extra: Partial<ServerSettings> = {}) {
  const server = createServer(settings(extra));
  open.push(server);
  const { url, port } = await server.listen("127.0.0.1", 0);
  const get = async (path: string) => {
    const response = await fetch(url + path);
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  const json = async (path: string): Promise<unknown> => JSON.parse((await get(path)).text);
  return { server, url, port, get, json };
}

/** A request with a Host header of one's own, which fetch does not allow. */
function statusWithHost(port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const call = request(
      { host: "127.0.0.1", port, path: "/healthz", headers: { host } },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      },
    );
    call.on("error", reject).end();
  });
}

describe("/healthz", () => {
  it("is 200 where nothing is wrong", async () => {
    const { get } = await started();
    const { status, text } = await get("/healthz");
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ status: "ok", reasons: [], uptimeMs: 60_000 });
  });

  it("is 503 with the reasons where something is", async () => {
    const reasons = ["the ledger's disk is full"];
    const health = () => ({ node: "n", agentVersion: "1", startedAtMs: 0, reasons });
    const { get } = await started({ health });
    const { status, text } = await get("/healthz");
    expect(status).toBe(503);
    expect(JSON.parse(text)).toMatchObject({ status: "degraded", reasons });
  });
});

describe("/metrics", () => {
  it("is well-formed Prometheus text", async () => {
    const { get } = await started();
    const { headers, text } = await get("/metrics");
    expect(headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    const { series, problems } = parseExposition(text);
    expect([series.length, problems]).toEqual([1, []]);
  });
});

describe("/api/v1/gpus", () => {
  it("lists the devices with their first and last times", async () => {
    const { json } = await started();
    expect(await json("/api/v1/gpus")).toMatchObject({
      gpus: [
        { uuid: "G", firstSeen: "1970-01-01T00:00:00Z", lastSliceEnd: "1970-01-01T00:00:50Z" },
      ],
    });
  });
});

describe("/api/v1/slices", () => {
  const sequences = (page: unknown): number[] =>
    (page as { slices: { sequence: number }[] }).slices.map((each) => each.sequence);

  it("pages through every slice once", async () => {
    const { json } = await started();
    const first = await json("/api/v1/slices?limit=2");
    expect(first).toMatchObject({ next: 2 });
    const second = await json("/api/v1/slices?limit=2&after=2");
    const third = await json("/api/v1/slices?limit=2&after=4");
    expect([first, second, third].flatMap(sequences)).toEqual([1, 2, 3, 4, 5]);
    expect(third).not.toHaveProperty("next");
  });

  it("has no next page where the last one is exactly full", async () => {
    const { json } = await started();
    expect(await json("/api/v1/slices?limit=5")).not.toHaveProperty("next");
    expect(await json("/api/v1/slices?limit=4")).toHaveProperty("next", 4);
  });

  it.each([
    ["owner=user:bob", [4, 5]],
    ["label=idle", [5]],
    ["gpu=G", [1, 2, 3, 4, 5]],
    ["gpu=H", []],
    ["from=1970-01-01T00:00:30Z", [4, 5]],
    ["from=-65s&to=now&owner=user:bob", [4, 5]],
  ])("filters by %s", async (query, expected) => {
    const { json } = await started();
    expect(sequences(await json(`/api/v1/slices?${query}`))).toEqual(expected);
  });

  it("is empty, not an error, where the ledger is", async () => {
    const { get } = await started({ ledger: new MemoryLedger({}) });
    const { status, text } = await get("/api/v1/slices");
    expect([status, JSON.parse(text)]).toEqual([200, { slices: [] }]);
  });

  it.each([
    ["limit=0", "limit"],
    ["limit=1001", "limit"],
    ["limit=-1", "limit"],
    ["limit=1e2", "limit"],
    ["limit=1&limit=2", "limit"],
    ["after=x", "after"],
    ["label=mining", "label"],
    ["owner=nobody:x", "owner"],
    ["gpu=", "gpu"],
    ["form=2026-01-01", "form"],
    ["__proto__=1", "__proto__"],
    [`gpu=${"x".repeat(301)}`, "gpu"],
  ])("refuses %s by name", async (query, place) => {
    const { get } = await started();
    const { status, text } = await get(`/api/v1/slices?${query}`);
    expect(status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({ error: { code: "request/invalid", place } });
  });

  it("takes the largest page", async () => {
    const { get } = await started();
    expect((await get("/api/v1/slices?limit=1000")).status).toBe(200);
  });
});

describe("/api/v1/report", () => {
  it.each([
    ["json", "application/json; charset=utf-8", /"format": "gpu-assay\/report\/1"/],
    ["csv", "text/csv; charset=utf-8; header=present", /^from,to,owner,label,charge/],
    ["table", "text/plain; charset=utf-8", /Reconciled: 50000 GPU-ms/],
  ])("as %s", async (format, type, content) => {
    const { get } = await started();
    const { status, headers, text } = await get(`/api/v1/report?format=${format}`);
    expect([status, headers.get("content-type")]).toEqual([200, type]);
    expect(text).toMatch(content);
  });

  it("is grouped as asked, each key once", async () => {
    const { json } = await started();
    expect(await json("/api/v1/report?groupBy=node,gpu,node")).toMatchObject({
      groupBy: ["node", "gpu"],
      lines: [{ node: "node-a", gpu: "G", gpuMs: 50_000, cost: "0.050000000" }],
    });
  });

  it.each([
    ["groupBy=owner,colour", "request/invalid"],
    ["format=xml", "request/invalid"],
    ["from=yesterday", "report/window"],
    ["from=now&to=-1h", "report/window"],
  ])("refuses %s", async (query, code) => {
    const { get } = await started();
    const { status, text } = await get(`/api/v1/report?${query}`);
    expect([status, JSON.parse(text)]).toMatchObject([400, { error: { code } }]);
  });

  it("says as 500 that the price list has no price, and what to add", async () => {
    const prices = () => parsePriceList("currency: USD\n", "prices.yaml");
    const { get } = await started({ prices });
    const { status, text } = await get("/api/v1/report");
    expect(status).toBe(500);
    expect(JSON.parse(text)).toMatchObject({
      error: { code: "price/missing", place: "prices.yaml" },
    });
  });
});

describe("an error nobody foresaw", () => {
  it("keeps its text to the log", async () => {
    const ledger = Object.assign(new MemoryLedger({}), {
      gpus: () => Promise.reject(new Error("secret path /x/y")),
    });
    const { get } = await started({ ledger });
    const { status, text } = await get("/api/v1/gpus");
    expect([status, JSON.parse(text)]).toMatchObject([
      500,
      { error: { code: "request/internal" } },
    ]);
    expect(text).not.toContain("secret");
  });
});

describe("an address that is not there", () => {
  it.each(["/", "/api/v2/gpus", "/api/v1/slices/1"])("%s is 404", async (path) => {
    const { get } = await started();
    const { status, text } = await get(path);
    expect([status, JSON.parse(text)]).toMatchObject([
      404,
      { error: { code: "request/not-found" } },
    ]);
  });

  it("is 404 for writing to what can only be read", async () => {
    const { url } = await started();
    expect((await fetch(`${url}/api/v1/gpus`, { method: "POST" })).status).toBe(404);
  });

  it("is 400 where it is malformed", async () => {
    const { get } = await started();
    const { status, headers, text } = await get("/%E0%A4%A");
    expect([status, JSON.parse(text)]).toMatchObject([400, { error: { code: "request/invalid" } }]);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
  });
});

describe("on loopback", () => {
  it.each(["localhost", "localhost:1", "127.0.0.1:9400", "127.9.9.9", "[::1]:80", "LOCALHOST"])(
    "the Host %s is answered",
    async (host) => {
      const { port } = await started();
      expect(await statusWithHost(port, host)).toBe(200);
    },
  );

  it.each([
    "evil.example",
    "evil.example:9400",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "10.0.0.1",
    "[fe80::1]",
    "localhost@evil.example",
    "127.1",
  ])("the Host %s is refused", async (host) => {
    const { port } = await started();
    expect(await statusWithHost(port, host)).toBe(403);
  });

  it("every answer carries the security headers and none allows another origin", async () => {
    const { url } = await started();
    for (const path of ["/healthz", "/nowhere", "/api/v1/slices?limit=0"]) {
      const { headers } = await fetch(url + path, { headers: { origin: "http://evil.example" } });
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("content-security-policy")).toContain("default-src 'none'");
      expect(headers.get("access-control-allow-origin")).toBeNull();
    }
  });
});

describe("listening", () => {
  const codeOf = (of: Promise<unknown>): Promise<string | undefined> =>
    of.then(
      () => undefined,
      (error: unknown) => (error instanceof AssayError ? error.code : String(error)),
    );

  it("where another process listens is listen/in-use", async () => {
    const other = createTcpServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const address = other.address();
    const port = typeof address === "object" && address ? address.port : 0;
    const server = createServer(settings());
    open.push(server);
    expect(await codeOf(server.listen("127.0.0.1", port))).toBe("listen/in-use");
    await new Promise((resolve) => other.close(resolve));
  });

  it.each([
    ["203.0.113.9", 0],
    ["127.0.0.1", 70_000],
  ])("on %s port %d is listen/denied", async (host, port) => {
    const server = createServer(settings());
    open.push(server);
    expect(await codeOf(server.listen(host, port))).toBe("listen/denied");
  });

  it("says where, with the port that was free", async () => {
    const { url, port } = await started();
    expect(port).toBeGreaterThan(0);
    expect(url).toBe(`http://127.0.0.1:${port}`);
  });
});

describe("closing", () => {
  const closed = (socket: Socket): Promise<void> =>
    new Promise((resolve) => socket.once("close", () => resolve()));

  async function connected(port: number): Promise<Socket> {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    sockets.push(socket);
    await new Promise((resolve) => socket.once("connect", resolve));
    return socket;
  }

  it("does not wait for connections kept alive", async () => {
    const { server, port } = await started();
    const socket = await connected(port);
    socket.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await new Promise((resolve) => socket.once("data", resolve));
    await Promise.all([server.close(), closed(socket)]);
    expect(socket.destroyed).toBe(true);
  });

  it("cuts a client that never ends its request", async () => {
    const { server, port } = await started();
    const socket = await connected(port);
    socket.write("GET /healthz HTTP/1.1\r\nHost: loc");
    await Promise.all([server.close(), closed(socket)]);
    expect(socket.destroyed).toBe(true);
  });

  it("lets an answer under way end", async () => {
    const slow = Object.assign(new MemoryLedger({ gpus: [gpu("G")] }), {
      lastSliceEnds: () =>
        new Promise<Map<string, number>>((resolve) => setTimeout(resolve, 200, new Map())),
    });
    const { server, get } = await started({ ledger: slow });
    const answer = get("/api/v1/gpus");
    await new Promise((resolve) => setTimeout(resolve, 50));
    await server.close();
    expect((await answer).status).toBe(200);
  });

  it("is safe twice, and without listening", async () => {
    const { server } = await started();
    await expect(server.close()).resolves.toBeUndefined();
    await expect(server.close()).resolves.toBeUndefined();
    await expect(createServer(settings()).close()).resolves.toBeUndefined();
  });
});
