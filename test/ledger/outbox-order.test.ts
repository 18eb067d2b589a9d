import { describe, expect, it } from "vitest";
import type { OutboxMessage } from "../../src/ledger/contract.ts";
import { opened } from "./fixtures/make.ts";

const message = (id: string, endpoint: string, createdAtMs = 0): OutboxMessage => {
  return { id, endpoint, type: "incident.opened", body: "{}", createdAtMs };
};

describe("due messages", () => {
  it("come in the order of their commits, also after one was put off", async () => {
    const ledger = await opened();
    await ledger.append({ outbox: [message("opened", "ops")] });
    await ledger.append({ outbox: [message("resolved", "ops", 5)] });
    await ledger.settle("opened", "ops", { state: "retry", nextAttemptAtMs: 1000, error: "503" });
    const ids = async (nowMs: number): Promise<string[]> =>
      (await ledger.due(nowMs, 10)).map(({ id }) => id);
    expect(await ids(1000)).toEqual(["opened", "resolved"]);
    expect(await ids(999)).toEqual(["resolved"]);
  });

  it("of one endpoint are not hidden by a page full of another's", async () => {
    const ledger = await opened();
    const dead = Array.from({ length: 20 }, (_, i) => message(`m${i}`, "dead"));
    await ledger.append({ outbox: [...dead, message("wanted", "ops")] });
    expect((await ledger.due(0, 5, "ops")).map(({ id }) => id)).toEqual(["wanted"]);
    expect((await ledger.due(0, 5)).map(({ endpoint }) => endpoint)).toEqual(
      Array.from({ length: 5 }, () => "dead"),
    );
    expect(await ledger.due(0, 5, "nobody")).toEqual([]);
  });
});
