import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { quietly, sleepQuietly } from "../../src/probe/quiet-wait.ts";

const now = (): number => performance.now() / 1000;

/** What the library does while an answer is pending: it asks in every turn of the loop. */
async function askingAllTheTime(seconds: number): Promise<number> {
  let turns = 0;
  const endAt = now() + seconds;
  while (now() < endAt) {
    turns++;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return turns;
}

const cpuSeconds = async (work: () => Promise<unknown>): Promise<number> => {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
};

describe("a quiet wait", () => {
  it("takes a small part of the processor that the same wait takes without it", async () => {
    const loud = await cpuSeconds(() => askingAllTheTime(0.5));
    const quiet = await cpuSeconds(() => quietly(askingAllTheTime(0.5), now));
    expect(quiet).toBeLessThan(loud / 3);
  });

  it("ends soon after its answer is there: no more than about a tenth of the wait later", async () => {
    const startedAt = now();
    await quietly(delay(100), now);
    expect(now() - startedAt).toBeLessThan(0.2);
  });

  it("gives on what was answered, and what was thrown", async () => {
    await expect(quietly(Promise.resolve(7), now)).resolves.toBe(7);
    await expect(quietly(Promise.reject(new Error("lost")), now)).rejects.toThrow("lost");
  });
});

describe("a quiet sleep", () => {
  it("is no shorter than asked for, below the grain of timers too, and leaves long ones to them", async () => {
    const asked: number[] = [];
    const timer = async (ms: number): Promise<void> => void asked.push(ms);
    const startedAt = now();
    await sleepQuietly(0.0003, timer);
    expect(now() - startedAt).toBeGreaterThanOrEqual(0.0003);
    expect(asked).toEqual([]);
    await sleepQuietly(0.5, timer);
    expect(asked).toEqual([500]);
    await sleepQuietly(0, timer);
    expect(asked).toEqual([500]);
  });
});
