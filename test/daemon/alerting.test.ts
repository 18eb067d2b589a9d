import { describe, expect, it } from "vitest";
import type { Explain } from "../../src/alert/file.ts";
import { usageInLedger } from "../../src/alert/usage-of.ts";
import type { Alerting } from "../../src/daemon/alerting.ts";
import type { LedgerBatch } from "../../src/ledger/contract.ts";
import type { Incident } from "../../src/model/incident.ts";
import { alerting, context, romeBatches, SECOND_MS } from "../alert/fixtures/rome.ts";
import { opened } from "../ledger/fixtures/make.ts";

/** Many batches as one: a transaction each would be a disk's turn each. */
function merged(batches: readonly LedgerBatch[]): LedgerBatch {
  return {
    gpus: batches.flatMap(({ gpus = [] }) => gpus),
    slices: batches.flatMap(({ slices = [] }) => slices),
    incidents: batches.flatMap(({ incidents = [] }) => incidents),
    owners: batches.flatMap(({ owners = [] }) => owners),
    processes: batches.flatMap(({ processes = [] }) => processes),
    contexts: batches.flatMap(({ contexts = [] }) => contexts),
    outbox: batches.flatMap(({ outbox = [] }) => outbox),
  };
}

/** The same batches, their incidents and messages made by `subject`. */
function again(subject: Alerting, batches: readonly LedgerBatch[]): LedgerBatch[] {
  return batches.map((batch) => {
    const { slices = [], processes, contexts, owners } = batch;
    const atMs = slices[0]?.toMs ?? 0;
    const outcome = subject.observe({ slices, processes, contexts, owners }, atMs);
    return { ...batch, ...outcome };
  });
}

const newest = (batches: readonly LedgerBatch[]): Map<string, Incident> =>
  new Map(batches.flatMap(({ incidents = [] }) => incidents.map((each) => [each.id, each])));

const ruleOf = (incidents: Iterable<Incident>, rule: string): Incident => {
  const found = [...incidents].findLast((each) => each.rule === rule);
  if (!found) throw new Error(`no ${rule}`);
  return found;
};

describe("an incident in the ledger", () => {
  it("says what it took, to the millisecond and millijoule of its slices", async () => {
    const ledger = await opened();
    const batches = [...romeBatches(alerting())];
    await ledger.append(merged(batches));
    for (const incident of newest(batches).values()) {
      // Of one that goes on the record is of its last change; the ledger knows more by now.
      const { usage } = incident.state === "resolved" ? incident : { usage: undefined };
      if (usage) expect(await usageInLedger(ledger, incident)).toEqual(usage);
    }
    const [first] = [...newest(batches).values()];
    expect(first?.usage).toMatchObject({ gpuMs: 40 * 60_000, energyMj: 40 * 6 * 6_900_000 });
  });

  it("opens with what explains it and with the story it belongs to", async () => {
    const incidents = newest([...romeBatches(alerting())]);
    const mining = ruleOf(incidents.values(), "mining");
    const tunnel = ruleOf(incidents.values(), "tunnel");
    expect(mining.causes?.[0]?.context).toMatchObject({ tool: "execute_bash", episode: "ep-17" });
    expect(mining.story).toMatch(/^sto_[0-9a-f]{20}$/);
    expect(tunnel.story).toBe(mining.story);
    expect(tunnel.severity).toBe("notice");
  });

  it("goes on after a restart anywhere as if there had been none, messages included", async () => {
    const all = [...romeBatches(alerting())];
    // In the quiet between, while the first is open, before and amid the second's dwell, and after it.
    for (const cut of [1, 10, 14, 200, 260, 280, 303, 304, 305, 310, 315, 330]) {
      const ledger = await opened();
      await ledger.append(merged(all.slice(0, cut)));
      const restarted = alerting();
      await restarted.restore(ledger);
      expect(again(restarted, all.slice(cut))).toEqual(all.slice(cut));
      await ledger.close();
    }
  });
});

describe("a cause that is told late", () => {
  const late = (explain?: Explain) => {
    const subject = alerting(explain ? { explain } : {});
    const [first = {}, ...rest] = romeBatches(alerting());
    const silent = rest.map((batch) => ({ ...batch, contexts: [] }));
    again(subject, [first, ...silent]);
    return subject;
  };
  const endMs = SECOND_MS + 22 * 60_000;
  /** Nothing but a context, at a time since the second incident fired. */
  const tell = (subject: Alerting, atMs: number, over: object = {}) =>
    subject.observe({ slices: [], contexts: [{ ...context, ...over, atMs }] }, atMs);
  const firedMs = SECOND_MS + 120_000;

  it("is an update within ten minutes of the alert, and not a moment later", () => {
    const told = tell(late(), firedMs + 600_000);
    const mining = ruleOf(told.incidents, "mining");
    expect(mining.causes?.[0]?.context.tool).toBe("execute_bash");
    expect(told.outbox.some(({ type }) => type === "incident.updated")).toBe(true);
    const rules = tell(late(), firedMs + 600_001).incidents.map(({ rule }) => rule);
    expect(rules).toEqual([]);
  });

  it("is no update where the best cause stays what it was", () => {
    const subject = late();
    tell(subject, firedMs + 1000);
    expect(tell(subject, firedMs + 2000).outbox).toEqual([]);
    expect(tell(subject, firedMs + 3000, { toMs: SECOND_MS + 5000 }).outbox).toEqual([]);
  });

  it("is an update again where another explains it better", () => {
    const scored: Explain = ({ contexts }) =>
      contexts
        .map(({ kind: _, atMs: __, ...run }) => ({
          context: run,
          score: run.tool === "better" ? 0.9 : 0.5,
          reasons: [],
        }))
        .sort((a, b) => b.score - a.score);
    const subject = late(scored);
    expect(tell(subject, firedMs + 1000).outbox.length).toBeGreaterThan(0);
    expect(tell(subject, firedMs + 2000, { id: "span-9", tool: "worse" }).outbox).toEqual([]);
    const better = tell(subject, firedMs + 3000, { id: "span-10", tool: "better" });
    expect(ruleOf(better.incidents, "mining").causes?.[0]?.context.tool).toBe("better");
  });

  it("keeps message ids in order, also with the rule's own changes after it", () => {
    const subject = late();
    const told = ruleOf(tell(subject, firedMs + 600_000).incidents, "mining");
    const open = subject.open().find(({ id }) => id === told.id);
    expect(open).toEqual(told);
    expect(endMs).toBeGreaterThan(told.updatedAtMs);
  });
});
