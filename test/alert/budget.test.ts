import { describe, expect, test } from "vitest";
import type { BudgetFact } from "../../src/alert/facts.ts";
import { engine, START_MS } from "./facts.ts";

const DAY_MS = 86_400_000;
const LIMIT = 250_000_000_000n;

function spent(nanos: bigint, atMs: number, more: Partial<BudgetFact> = {}): BudgetFact {
  return {
    node: "node-1",
    ownerKey: "user:alice",
    period: "day",
    currency: "EUR",
    periodStartMs: START_MS,
    spentNanos: nanos,
    limitNanos: LIMIT,
    atMs: START_MS + atMs,
    simulated: false,
    ...more,
  };
}

const actions = (subject: ReturnType<typeof engine>, facts: BudgetFact[]): string[] =>
  facts.flatMap((fact) => subject.observeBudgets([fact])).map(({ action }) => action);

describe("a budget", () => {
  test("at its limit is within it; the smallest amount more is not", () => {
    expect(actions(engine(), [spent(LIMIT, 1)])).toEqual([]);
    const [opened] = engine().observeBudgets([spent(LIMIT + 1n, 1)]);
    expect(opened?.incident).toMatchObject({ severity: "warning", rule: "budget-day" });
    expect(opened?.incident.summary).toContain("250.000000001 EUR spent of 250.00 EUR");
  });

  test("warns once in its period and is resolved when the next begins", () => {
    const next = { periodStartMs: START_MS + DAY_MS };
    const facts = [
      spent(LIMIT + 1n, 1),
      spent(LIMIT * 2n, 2),
      spent(0n, DAY_MS, next),
      spent(LIMIT, DAY_MS + 1, next),
    ];
    expect(actions(engine(), facts)).toEqual(["opened", "resolved"]);
  });

  test("already passed again in the next period is a new incident", () => {
    const subject = engine();
    const changes = [
      spent(LIMIT + 1n, 1),
      spent(LIMIT + 1n, DAY_MS, { periodStartMs: START_MS + DAY_MS }),
    ].flatMap((fact) => subject.observeBudgets([fact]));
    expect(changes.map(({ action }) => action)).toEqual(["opened", "resolved", "opened"]);
    expect(changes[2]?.incident.id).not.toBe(changes[0]?.incident.id);
  });

  test("is resolved when somebody raises the limit", () => {
    const facts = [spent(LIMIT + 1n, 1), spent(LIMIT + 1n, 2, { limitNanos: LIMIT * 2n })];
    expect(actions(engine(), facts)).toEqual(["opened", "resolved"]);
  });

  test("of a day and one of a month are apart, and so are owners", () => {
    const facts = [
      spent(LIMIT + 1n, 1),
      spent(LIMIT + 1n, 1, { period: "month" }),
      spent(LIMIT + 1n, 1, { ownerKey: "user:bob" }),
    ];
    expect(actions(engine(), facts)).toEqual(["opened", "opened", "opened"]);
  });

  test("that was announced before a restart is not announced again, and is resolved", () => {
    const before = engine();
    const [opened] = before.observeBudgets([spent(LIMIT + 1n, 1)]);
    const after = engine();
    after.restore(opened ? [opened.incident] : [], []);
    expect(
      actions(after, [
        spent(LIMIT + 2n, 2),
        spent(0n, DAY_MS, { periodStartMs: START_MS + DAY_MS }),
      ]),
    ).toEqual(["resolved"]);
  });
});
