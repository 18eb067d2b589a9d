import { describe, expect, it } from "vitest";
import { openLedger } from "../../src/ledger/client.ts";
import { builtUrl } from "../support/built.ts";
import { gpu, opened, slice, tempDir } from "./fixtures/make.ts";

const all = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
const workerUrl = new URL("./fixtures/dying-worker.mjs", import.meta.url);
const gap = (reason: string) => ({ node: "n", source: "s", reason, fromMs: 0, toMs: 1 });

describe("a worker that dies", () => {
  it.each([
    ["exit", /exit code 7/],
    ["throw", /thrown on purpose/],
  ])(
    "by %s: all that waits for it fails, it is reported, and the next request works",
    async (how, why) => {
      const deaths: string[] = [];
      const onWorkerDeath = (role: string, error: Error): void =>
        void deaths.push(`${role} ${error.message}`);
      const ledger = await opened({ workerUrl, onWorkerDeath });
      await ledger.append({ gpus: [gpu()], slices: [slice()] });
      const lost = [
        ledger.append({ gaps: [gap(how)] }),
        ledger.append({ slices: [slice({ fromMs: 10_000 })] }),
        ledger.due(0, 1),
      ];
      for (const each of await Promise.allSettled(lost)) {
        const reason: unknown = each.status === "rejected" ? each.reason : undefined;
        expect(reason).toMatchObject({ code: "ledger/worker", exitCode: 1 });
        expect(String(reason)).toMatch(why);
      }
      expect(deaths).toEqual([expect.stringMatching(/^write /)]);
      await ledger.append({ slices: [slice({ fromMs: 10_000 })] });
      expect(await ledger.slices(all)).toHaveLength(2);
    },
  );

  it("leaves the other one alone: appends go on where a report's worker died", async () => {
    const ledger = await opened({ workerUrl });
    await ledger.append({ gpus: [gpu()], slices: [slice()] });
    const report = ledger.gaps({ fromMs: -1, toMs: 0 });
    await expect(report).rejects.toMatchObject({ code: "ledger/worker" });
    await ledger.append({ slices: [slice({ fromMs: 10_000 })] });
    expect(await ledger.slices(all)).toHaveLength(2);
  });

  it("can be closed all the same", async () => {
    const ledger = await opened({ workerUrl });
    await ledger.append({ gaps: [gap("exit")] }).catch(() => undefined);
    await expect(ledger.close()).resolves.toBeUndefined();
  });
});

describe("closing", () => {
  it("lets what was asked before it finish, and refuses what comes after", async () => {
    const stateDir = tempDir();
    const ledger = await opened({ stateDir });
    const asked = ledger.append({ gpus: [gpu()], slices: [slice()] });
    await ledger.close();
    await asked;
    await expect(ledger.append({})).rejects.toMatchObject({ code: "ledger/worker" });
    const again = await opened({ stateDir, mode: "read" });
    expect(await again.slices(all)).toHaveLength(1);
  });

  it("is safe twice", async () => {
    const ledger = await opened();
    await Promise.all([ledger.close(), ledger.close()]);
    await expect(ledger.close()).resolves.toBeUndefined();
  });
});

it("an entry that is not there is an error, not a wait", async () => {
  const missing = builtUrl("ledger/no-such-worker.js");
  const opening = openLedger({ stateDir: tempDir(), mode: "write", workerUrl: missing });
  await expect(opening).rejects.toMatchObject({ code: "ledger/worker" });
});
