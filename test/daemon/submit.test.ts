import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { inboxPath } from "../../src/daemon/inbox-files.ts";
import { Inbox } from "../../src/daemon/inbox.ts";
import type * as Submit from "../../src/daemon/submit.ts";
import type { Act, Ledger } from "../../src/ledger/contract.ts";
import { gpu, opened, slice, tempDir } from "../ledger/fixtures/make.ts";
import { builtUrl } from "../support/built.ts";

// As it is built: it starts the ledger's worker by itself.
const built: unknown = await import(builtUrl("daemon/submit.js").href);
const { submitActs } = built as typeof Submit;

const correction = (over: Partial<Extract<Act, { kind: "correction" }>> = {}): Act => ({
  kind: "correction",
  id: "C-1",
  atMs: 1,
  by: "root",
  reason: "it was a test",
  gpuUuid: "GPU-a",
  fromMs: 0,
  toMs: 10_000,
  label: "other",
  ...over,
});

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits without waiting: no act is taken in however long. */
const atOnce = async (): Promise<void> => undefined;

async function ledgerWithASlice(stateDir: string): Promise<Ledger> {
  const ledger = await opened({ stateDir });
  await ledger.append({ gpus: [gpu()], slices: [slice()] });
  return ledger;
}

/** A daemon as far as the inbox goes: it holds the ledger and looks now and then. */
async function daemonOn(stateDir: string): Promise<Ledger> {
  const ledger = await ledgerWithASlice(stateDir);
  const said = (): void => undefined;
  const clocks = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };
  const log = { info: said, warn: said };
  const inbox = new Inbox({ stateDir, ledger, log, lingerMs: 1000, ...clocks });
  await inbox.open();
  const looking = setInterval(() => void inbox.poll(), 50);
  onTestFinished(() => clearInterval(looking));
  return ledger;
}

const codeOf = async (of: Promise<unknown>): Promise<string> =>
  of.then(
    () => "done",
    (error: unknown) =>
      error instanceof Error && "code" in error ? `${error.code}: ${error.message}` : String(error),
  );

describe("acts that are submitted", () => {
  test("go into a ledger that nobody holds", async () => {
    const stateDir = tempDir();
    await (await ledgerWithASlice(stateDir)).close();
    expect(await submitActs(stateDir, [correction()], sleep)).toBe("ledger");
    const ledger = await opened({ stateDir, mode: "read" });
    expect(await ledger.acts({})).toMatchObject([{ kind: "correction", id: "C-1" }]);
  });

  test("go through the daemon that holds the ledger, and are on disk when that is said", async () => {
    const stateDir = tempDir();
    const ledger = await daemonOn(stateDir);
    expect(await submitActs(stateDir, [correction()], sleep)).toBe("daemon");
    expect(await ledger.acts({})).toMatchObject([{ kind: "correction", id: "C-1" }]);
    expect(readdirSync(inboxPath(stateDir))).toEqual([]);
  });

  test.each([
    ["without a daemon", async (dir: string) => (await ledgerWithASlice(dir)).close()],
    ["beside a daemon", daemonOn],
  ])("that fit nothing are refused with the reason, %s", async (_name, make) => {
    const stateDir = tempDir();
    await make(stateDir);
    const nobody = correction({ ownerKey: "user:nobody" });
    expect(await codeOf(submitActs(stateDir, [nobody], sleep))).toMatch(
      /^act\/invalid: .*no slice/,
    );
    const ledger = await opened({ stateDir, mode: "read" });
    expect(await ledger.acts({})).toEqual([]);
  });

  test("go together or not at all", async () => {
    const stateDir = tempDir();
    const ledger = await daemonOn(stateDir);
    const acts = [correction(), correction({ id: "C-2", gpuUuid: "GPU-x" })];
    expect(await codeOf(submitActs(stateDir, acts, sleep))).toMatch(/^act\/invalid/);
    expect(await ledger.acts({})).toEqual([]);
  });

  test("that nobody takes in time wait in the inbox", async () => {
    const stateDir = tempDir();
    await ledgerWithASlice(stateDir);
    expect(await codeOf(submitActs(stateDir, [correction()], atOnce))).toMatch(/^act\/not-taken/);
    expect(readdirSync(inboxPath(stateDir))).toHaveLength(1);
  });

  test("want a ledger that is there", async () => {
    const stateDir = join(tempDir(), "none");
    mkdirSync(stateDir);
    expect(await codeOf(submitActs(stateDir, [correction()], sleep))).toMatch(/^ledger\/missing/);
  });
});
