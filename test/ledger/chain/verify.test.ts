import { expect, it } from "vitest";
import { madeLedger, verified } from "./support.ts";

it("an untouched ledger verifies", () => {
  const { db } = madeLedger(5);
  expect(verified(db)).toMatchObject({ problem: undefined, entries: 6 });
  console.log(verified(db));
});
