import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { createDcgmCollector } from "../../../src/collect/dcgm/collector.ts";
import type { Observation } from "../../../src/model/observation.ts";
import { BUSY, exporterText, type Metrics } from "./texts.ts";

const AT = 1_800_000_000_000;
const SECOND = 1000;
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A real HTTP server; what it answers may be changed. */
async function serve(first: Answer) {
  const exporter = { answer: first, url: "" };
  const server = createServer((request, response) => exporter.answer(request, response));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  exporter.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
  return exporter;
}

const text =
  (body: string): Answer =>
  (_, response) =>
    response.end(body);

function collectorOf(url: string) {
  const clock = { ms: 0 };
  const settings = { node: "n1", intervalMs: SECOND, url };
  return { clock, collector: createDcgmCollector(settings, { monotonicMs: () => clock.ms }) };
}

type Kind = Observation["kind"];
const of = <K extends Kind>(kind: K, all: readonly Observation[]) =>
  all.filter((one): one is Extract<Observation, { kind: K }> => one.kind === kind);

/** A node with two GPUs whose exporter refreshes each `period` seconds. */
async function node(period: number, change: (second: number) => Metrics = () => ({})) {
  let second = 0;
  const exporter = await serve((_, response) => {
    const energy = 1_000_000 + 300_000 * Math.floor(second / period);
    const moving = { DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION: energy, ...change(second) };
    const still = { DCGM_FI_DEV_GPU_UTIL: 0, DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION: 77 };
    response.end(exporterText([{ metrics: { ...BUSY, ...moving } }, { gpu: 1, metrics: still }]));
  });
  const made = collectorOf(exporter.url);
  const seen: Observation[] = [];
  const run = async (seconds: number): Promise<Observation[]> => {
    const from = seen.length;
    for (let i = 0; i < seconds; i++) {
      second += 1;
      made.clock.ms = second * SECOND;
      seen.push(...(await made.collector.collect(AT + second * SECOND)));
    }
    return seen.slice(from);
  };
  return { ...made, exporter, run };
}

describe("opening", () => {
  it("is ready where the exporter tells of GPUs", async () => {
    const { collector } = await node(30);
    expect(await collector.open()).toEqual({
      status: "ready",
      detail: "dcgm-exporter; 0 NVIDIA H100 80GB HBM3; 1 NVIDIA H100 80GB HBM3",
    });
  });

  it("is absent where something else answers", async () => {
    const { url } = await serve(text("<html>hello</html>"));
    expect(await collectorOf(url).collector.open()).toMatchObject({ status: "absent" });
  });

  it.each<[string, Answer, RegExp]>([
    ["an error", (_, r) => r.writeHead(503).end(), /HTTP status 503/],
    [
      "a redirect",
      (_, r) => r.writeHead(302, { location: "http://127.0.0.1:1/" }).end(),
      /status 302/,
    ],
    ["a connection that breaks", (request) => request.socket.destroy(), /dcgm-exporter: /],
    [
      "a text that is too long",
      (_, r) => r.end(`# ${"x".repeat(4 * 1024 * 1024)}`),
      /longer than 4 MiB/,
    ],
    ["nothing for two seconds", () => undefined, /no answer within 2000 ms/],
    ["half a text and no end", (_, r) => r.write("A 1\n"), /no answer within 2000 ms/],
  ])("fails where the answer is %s", async (_, answer, message) => {
    const { url } = await serve(answer);
    await expect(collectorOf(url).collector.open()).rejects.toMatchObject({
      code: "dcgm/scrape",
      message: expect.stringMatching(message),
      place: url,
    });
  });

  it("fails where nobody listens", async () => {
    const { url } = await serve(text(""));
    await new Promise((resolve) => servers.pop()?.close(resolve));
    await expect(collectorOf(url).collector.open()).rejects.toThrow(/ECONNREFUSED/);
  });

  it("sends the name and password of the address, and never shows them", async () => {
    const given: (string | undefined)[] = [];
    const { url } = await serve(({ headers }, response) => {
      given.push(headers.authorization);
      response.writeHead(401).end();
    });
    const { collector } = collectorOf(url.replace("//", "//me:hunter%402@"));
    const failure: unknown = await collector.open().catch((error: unknown) => error);
    expect(given).toEqual([`Basic ${Buffer.from("me:hunter@2").toString("base64")}`]);
    expect(failure).toMatchObject({ code: "dcgm/scrape", place: url });
    expect(inspect(failure)).not.toContain("hunter");
  });

  it("can be closed without open, twice, and while it is answered", async () => {
    const { url } = await serve(() => undefined);
    const { collector } = collectorOf(url);
    await collector.close();
    const opening = collector.open().catch(String);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await collector.close();
    expect(await opening).toMatch(/closed/);
  });
});

describe("samples", () => {
  it("come once a refresh, of every device, after the node with that period", async () => {
    const { collector, run } = await node(30);
    await collector.open();
    const seen = await run(91);
    expect(of("node", seen)).toMatchObject([
      { source: "dcgm", node: "n1", intervalMs: 30 * SECOND, gpus: [{ index: 0 }, { index: 1 }] },
    ]);
    expect(seen[0]?.kind).toBe("node");
    expect(of("gpu", seen).map(({ atMs, gpu }) => [(atMs - AT) / SECOND, gpu])).toEqual([
      [60, 0],
      [60, 1],
      [90, 0],
      [90, 1],
    ]);
    expect(of("processes", seen)).toEqual([]);
  });

  it("come each second from an exporter that refreshes that often", async () => {
    const { collector, run } = await node(1);
    await collector.open();
    const seen = await run(8);
    expect(of("node", seen)[0]?.intervalMs).toBe(SECOND);
    const times = of("gpu", seen).map(({ atMs }) => (atMs - AT) / SECOND);
    expect([...new Set(times)]).toEqual([4, 5, 6, 7, 8]);
  });

  it("stop where the exporter only repeats itself, which is told as a fault", async () => {
    const { collector, run } = await node(1_000_000);
    await collector.open();
    expect(await run(120)).toEqual([]);
    await expect(run(1)).rejects.toThrow(/not even an energy counter has moved for 121 s/);
  });

  it("stop where the GPUs vanish, which is told as a fault", async () => {
    const { collector, run, exporter } = await node(1);
    await collector.open();
    exporter.answer = text("# nothing\n");
    await expect(run(1)).rejects.toThrow(/no GPU any more/);
  });

  it("go on after a failed scrape without learning the period again", async () => {
    const { collector, run, exporter } = await node(1);
    await collector.open();
    await run(8);
    const { answer } = exporter;
    exporter.answer = (_, response) => response.writeHead(500).end();
    await expect(run(1)).rejects.toThrow(/500/);
    exporter.answer = answer;
    await collector.close();
    await collector.open();
    const seen = await run(2);
    expect(of("node", seen)).toHaveLength(1);
    expect(of("gpu", seen).map(({ gpu }) => gpu)).toEqual([0, 1, 0, 1]);
  });
});

describe("health", () => {
  it("is told with the first sample and when it changes", async () => {
    const replays = (second: number) => ({ DCGM_FI_DEV_PCIE_REPLAY_COUNTER: second < 6 ? 3 : 4 });
    const { collector, run } = await node(1, replays);
    await collector.open();
    expect(of("health", await run(8))).toEqual([
      { kind: "health", atMs: AT + 4 * SECOND, gpu: 0, pcieReplays: 3, remappedRows: 3 },
      { kind: "health", atMs: AT + 6 * SECOND, gpu: 0, pcieReplays: 4, remappedRows: 3 },
    ]);
  });

  it("has an Xid once, when it comes, and none that was there before", async () => {
    const xid = (second: number) => ({ DCGM_FI_DEV_XID_ERRORS: second < 7 ? 13 : 79 });
    const { collector, run } = await node(1, xid);
    await collector.open();
    const found = of("health", await run(10)).filter(({ xids }) => xids);
    expect(found).toEqual([{ kind: "health", atMs: AT + 7 * SECOND, gpu: 0, xids: [79] }]);
  });

  it("keeps an Xid that came while the period was learned", async () => {
    const xid = (second: number) => ({ DCGM_FI_DEV_XID_ERRORS: second < 2 ? 0 : 31 });
    const { collector, run } = await node(1, xid);
    await collector.open();
    expect(of("health", await run(5)).filter(({ xids }) => xids)).toMatchObject([{ xids: [31] }]);
  });
});
