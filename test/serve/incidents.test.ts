import { afterEach, describe, expect, it } from "vitest";
import { parsePriceList } from "../../src/bill/price-list.ts";
import { createMetrics } from "../../src/export/prometheus.ts";
import type { Ledger } from "../../src/ledger/contract.ts";
import { createServer, type Server } from "../../src/serve/server.ts";
import { alerting, merged, romeBatches } from "../alert/fixtures/rome.ts";
import { opened } from "../ledger/fixtures/make.ts";

const open: Server[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function filled(): Promise<Ledger> {
  const ledger = await opened();
  await ledger.append(merged(romeBatches(alerting())));
  return ledger;
}

async function served(ledger: Ledger) {
  const server = createServer({
    ledger,
    prices: () => parsePriceList("currency: EUR\ndefault: { perGpuHour: 2.5 }\n", "prices.yaml"),
    metrics: createMetrics({ agentVersion: "1", modelVersion: "2", node: "n" }),
    health: () => ({ node: "n", agentVersion: "1", startedAtMs: 0, reasons: [] }),
    nowMs: () => 0,
  });
  open.push(server);
  const { url } = await server.listen("127.0.0.1", 0);
  return async (path: string) => {
    const response = await fetch(url + path);
    const body: Record<string, unknown> = JSON.parse(await response.text());
    return { status: response.status, body };
  };
}

interface Row {
  id: string;
  rule: string;
  state: string;
  story?: string;
}
const rows = ({ body }: { body: Record<string, unknown> }): Row[] => {
  const { incidents } = body;
  return Array.isArray(incidents) ? incidents : [];
};

describe("/api/v1/incidents", () => {
  it("lists, filters and goes on where it ended", async () => {
    const get = await served(await filled());
    const all = await get("/api/v1/incidents");
    expect(all.status).toBe(200);
    expect(rows(all)).toHaveLength(4);
    expect(rows(all)[0]).toMatchObject({ owner: "container:3f2a9c1d5e7b", state: "firing" });
    expect(rows(await get("/api/v1/incidents?open=true"))).toHaveLength(3);
    expect(rows(await get("/api/v1/incidents?open=false")).map(({ state }) => state)).toEqual([
      "resolved",
    ]);
    const story = rows(all)[0]?.story ?? "";
    expect(rows(await get(`/api/v1/incidents?story=${story}`))).toHaveLength(4);
    const first = await get("/api/v1/incidents?limit=3");
    expect(rows(first)).toHaveLength(3);
    const second = await get(`/api/v1/incidents?limit=3&after=${String(first.body["next"])}`);
    expect([...rows(first), ...rows(second)].map(({ id }) => id)).toEqual(
      rows(all).map(({ id }) => id),
    );
    expect(second.body).not.toHaveProperty("next");
  });

  it.each(["open=perhaps", "limit=0", "limit=1001", "colour=red", "story=", "after="])(
    "refuses %s",
    async (query) => {
      const get = await served(await opened());
      const { status, body } = await get(`/api/v1/incidents?${query}`);
      expect(status).toBe(400);
      expect(body).toMatchObject({ error: { code: "request/invalid" } });
    },
  );

  it("is empty where nothing happened", async () => {
    const get = await served(await opened());
    expect((await get("/api/v1/incidents")).body).toEqual({ incidents: [] });
  });
});

describe("/api/v1/incidents/:id", () => {
  it("has what `assay incident show` has", async () => {
    const get = await served(await filled());
    const mining = rows(await get("/api/v1/incidents")).find(({ rule }) => rule === "mining");
    const { status, body } = await get(`/api/v1/incidents/${mining?.id.slice(0, 10)}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id: mining?.id,
      families: ["telemetry", "host", "network"],
      causes: [{ tool: "execute_bash" }],
      ownerFacts: { proven: { user: "root" } },
      story: { incidents: 4 },
      history: [{ state: "firing", severity: "critical" }],
    });
  });

  it("is 404 for no such id, and writes nothing", async () => {
    const get = await served(await filled());
    const { status, body } = await get("/api/v1/incidents/inc_none");
    expect(status).toBe(404);
    expect(body).toMatchObject({ error: { code: "incident/not-found" } });
    expect((await get("/api/v1/incidents/inc_none?x=1")).status).toBe(400);
  });
});
