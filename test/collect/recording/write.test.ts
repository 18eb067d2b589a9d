import { spawn } from "node:child_process";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { Writable } from "node:stream";
import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { NodeObservation, Observation } from "../../../src/model/observation.ts";
import { openRecordingWriter, type WriteOptions } from "../../../src/collect/recording/write.ts";
import { builtUrl } from "../../support/built.ts";
import { recording } from "./support/arbitrary.ts";
import { failureOf, fileOf, readAll, temporaryFolder } from "./support/files.ts";

const NODE: NodeObservation = {
  kind: "node",
  node: "n",
  source: "nvml",
  simulated: false,
  intervalMs: 1000,
  gpus: [{ index: 0, uuid: "a", model: "M" }],
};

function sample(second: number, fields: object = {}): Observation {
  return { kind: "gpu", atMs: 1_700_000_000_000 + second * 1000, gpu: 0, ...fields };
}

function collected(): { stream: Writable; text: () => string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString() };
}

function openWriter(file: string, options: Partial<WriteOptions> = {}) {
  return openRecordingWriter({ file, stdout: collected().stream, clock: () => 0, ...options });
}

async function writeAll(file: string, observations: readonly Observation[]) {
  const writer = await openWriter(file);
  for (const observation of observations) await writer.write(observation);
  await writer.close();
  return writer;
}

describe("what is written", () => {
  it.each(["a.ndjson", "a.ndjson.gz"])("is read as what it was, from %s", async (name) => {
    await fc.assert(
      fc.asyncProperty(recording, async (observations) => {
        const file = join(temporaryFolder(), name);
        await writeAll(file, observations);
        const { observations: read, reader } = await readAll(file);
        expect(read).toStrictEqual(observations);
        expect(reader.warnings).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it("holds no field that was not measured, and no tick", async () => {
    const file = join(temporaryFolder(), "a.ndjson");
    const silent = sample(0, { powerWatts: undefined, gpuUtil: 0 });
    await writeAll(file, [NODE, silent, { kind: "tick", atMs: 1_700_000_001_000 }]);
    expect(readFileSync(file, "utf8").split("\n").slice(1)).toEqual([
      '{"kind":"gpu","t":1700000000,"gpu":0,"gpuUtil":0}',
      "",
    ]);
  });

  it("is gzip only where the name says so", async () => {
    const folder = temporaryFolder();
    await writeAll(join(folder, "a.ndjson"), [NODE]);
    await writeAll(join(folder, "a.ndjson.gz"), [NODE]);
    const plain = readFileSync(join(folder, "a.ndjson"), "utf8");
    expect(JSON.parse(plain)).toMatchObject({ kind: "recording", version: 1 });
    expect(gunzipSync(readFileSync(join(folder, "a.ndjson.gz"))).toString()).toBe(plain);
  });

  it("is for its owner's eyes: it holds other people's command lines", async () => {
    const file = join(temporaryFolder(), "a.ndjson");
    await writeAll(file, [NODE]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it("goes plain to standard output for `-`, which stays open", async () => {
    const { stream, text } = collected();
    const writer = await openWriter("-", { stdout: stream });
    await writer.write(NODE);
    await writer.write(sample(0));
    await writer.close();
    expect(text().split("\n")).toHaveLength(3);
    expect(stream.writableEnded).toBe(false);
  });
});

describe("fifty samples a second of eight devices", () => {
  it("are packed as well as in one go, because flushes go by time and not by line", async () => {
    const gpus = Array.from({ length: 8 }, (_, index) => ({
      index,
      uuid: `u${index}`,
      model: "M",
    }));
    const lines: Observation[] = [{ ...NODE, intervalMs: 20, gpus }];
    // 30 s of figures that jitter as real ones do.
    for (let i = 0; i < 50 * 30 * 8; i += 1)
      lines.push({
        kind: "gpu",
        atMs: 1_700_000_000_000 + 20 * Math.floor(i / 8),
        gpu: i % 8,
        powerWatts: 300 + ((i * 7919) % 1000) / 10,
        gpuUtil: ((i * 31) % 100) / 100,
      });
    const file = join(temporaryFolder(), "a.ndjson.gz");
    let nowMs = 0;
    const writer = await openWriter(file, { clock: () => nowMs });
    for (const line of lines) {
      nowMs += 20 / 8;
      await writer.write(line);
    }
    await writer.close();
    const packed = readFileSync(file);
    const inOneGo = gzipSync(gunzipSync(packed)).length;
    expect(packed.length).toBeLessThan(inOneGo * 1.02);
    expect(writer.bytes).toBe(packed.length);
  });

  it("are counted in bytes where they are not packed, too", async () => {
    const { stream, text } = collected();
    const writer = await openWriter("-", { stdout: stream });
    await writer.write({ ...NODE, node: "Überwachung" });
    await writer.close();
    expect(writer.bytes).toBe(Buffer.byteLength(text()));
    expect(writer.bytes).toBeGreaterThan(text().length);
  });
});

describe("what is not written", () => {
  it("keeps the reader's rules, and counts what breaks them", async () => {
    const file = join(temporaryFolder(), "a.ndjson");
    const stranger: Observation = { kind: "gpu", atMs: 1_700_000_005_000, gpu: 9 };
    const writer = await writeAll(file, [NODE, sample(5), sample(4), stranger, sample(5)]);
    expect(writer.counts).toEqual({ lines: 3, droppedFull: 0, droppedRefused: 2 });
    expect((await readAll(file)).observations).toHaveLength(3);
  });

  it("does not begin without a node", async () => {
    const writer = await openWriter(join(temporaryFolder(), "a.ndjson"));
    await expect(writer.write(sample(0))).rejects.toThrow(/begins with its node/);
    await writer.write(NODE);
    await writer.write(sample(0));
    await writer.close();
    await expect(writer.write(sample(1))).rejects.toThrow(/closed/);
    await writer.close();
  });

  it("does not overwrite unless forced", async () => {
    const file = fileOf("precious", "a.ndjson");
    const error = await failureOf(openWriter(file));
    expect(error.code).toBe("recording/exists");
    expect(error.hint).toContain("--force");
    expect(readFileSync(file, "utf8")).toBe("precious");
    const writer = await openWriter(file, { force: true });
    await writer.write(NODE);
    await writer.close();
    expect((await readAll(file)).observations).toEqual([NODE]);
  });

  it("says where it cannot write", async () => {
    const error = await failureOf(openWriter("/nowhere/at/all.ndjson"));
    expect(error.code).toBe("recording/cannot-write");
    expect(error.place).toBe("/nowhere/at/all.ndjson");
  });
});

describe("a slow or broken disk", () => {
  /** Accepts bytes only when told to. */
  function stuck(): { stream: Writable; release: () => void } {
    let waiting: (() => void) | undefined;
    let open = false;
    const stream = new Writable({
      highWaterMark: 1000,
      write(_chunk, _encoding, done) {
        if (open) done();
        else waiting = done;
      },
    });
    return {
      stream,
      release: () => {
        open = true;
        waiting?.();
      },
    };
  }

  it("holds back who waits, and drops and counts what would not fit", async () => {
    const { stream, release } = stuck();
    const writer = await openWriter("-", { stdout: stream, maxWaitingBytes: 2000 });
    const writes = [writer.write(NODE)];
    for (let i = 0; i < 100; i += 1) writes.push(writer.write(sample(i)));
    const { lines, droppedFull } = writer.counts;
    expect(lines + droppedFull).toBe(101);
    expect(lines).toBeLessThan(60);
    expect(stream.writableLength).toBeLessThan(2200);
    let waited = true;
    void writes[0]?.then(() => (waited = false));
    await new Promise((resolve) => setImmediate(resolve));
    expect(waited).toBe(true);
    release();
    await Promise.all(writes);
    expect(waited).toBe(false);
  });

  it("is told to the next who writes, and to who closes", async () => {
    const stream = new Writable({
      write(_chunk, _encoding, done) {
        done(new Error("no space left on device"));
      },
    });
    const writer = await openWriter("-", { stdout: stream });
    const error = await failureOf(writer.write(NODE));
    expect(error.code).toBe("recording/cannot-write");
    expect(error.hint).toContain("no space left");
    expect((await failureOf(writer.write(sample(1)))).code).toBe("recording/cannot-write");
    expect((await failureOf(writer.close())).code).toBe("recording/cannot-write");
  });

  it.skipIf(!existsSync("/dev/full"))(
    "that is full (needs /dev/full)",
    { timeout: 5000 },
    async () => {
      const writer = await openWriter("/dev/full", { force: true });
      expect((await failureOf(writer.write(NODE))).code).toBe("recording/cannot-write");
      expect((await failureOf(writer.close())).code).toBe("recording/cannot-write");
    },
  );
});

const built = builtUrl("collect/recording/write.js");
const isBuilt = existsSync(built);

describe(`a killed writer${isBuilt ? "" : " (skipped: not built, run `npm run build`)"}`, () => {
  it.skipIf(!isBuilt).each(["a.ndjson", "a.ndjson.gz"])(
    "leaves in %s what it had flushed",
    async (name) => {
      const folder = temporaryFolder();
      const file = join(folder, name);
      const script = join(folder, "writer.mjs");
      // A clock that jumps 1 s a line, and a flush every 10 s: 95 lines are flushed at least to 90.
      writeFileSync(
        script,
        `import { openRecordingWriter } from ${JSON.stringify(built.href)};
        let now = 0;
        const writer = await openRecordingWriter({
          file: ${JSON.stringify(file)}, stdout: process.stdout, clock: () => now, flushMs: 10_000,
        });
        await writer.write(${JSON.stringify(NODE)});
        for (let i = 0; i < 95; i += 1) {
          now += 1000;
          await writer.write({ ...${JSON.stringify(sample(0))}, atMs: 1_700_000_000_000 + i * 1000 });
        }
        process.kill(process.pid, "SIGKILL");`,
      );
      const child = spawn(process.execPath, [script], { stdio: ["ignore", "ignore", "inherit"] });
      const [, signal] = (await once(child, "exit")) as [number | null, string | null];
      expect(signal).toBe("SIGKILL");
      const { observations, reader } = await readAll(file);
      expect(observations.length).toBeGreaterThanOrEqual(91);
      expect(observations[91 - 1]).toMatchObject({ atMs: 1_700_000_089_000 });
      const codes = reader.warnings.map(({ code }) => code);
      expect(codes).toEqual(name.endsWith(".gz") ? ["truncated"] : []);
    },
  );

  it.skipIf(!isBuilt)(
    "can be read from its first line on, before the first flush is due",
    async () => {
      const file = join(temporaryFolder(), "a.ndjson.gz");
      const writer = await openWriter(file);
      await writer.write(NODE);
      expect((await readAll(file)).observations).toEqual([NODE]);
      await writer.close();
    },
  );
});
