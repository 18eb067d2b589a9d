import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { constants, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { lineBlocks } from "../../../src/collect/recording/lines.ts";
import { RecordingReader } from "../../../src/collect/recording/read.ts";
import {
  failureOf,
  fileOf,
  gpuLine,
  gzipFile,
  HEADER,
  plainFile,
  readAll,
  T0,
  temporaryFolder,
  textOf,
} from "./support/files.ts";

const LINES = [HEADER, gpuLine(0), gpuLine(0, 1), gpuLine(1), gpuLine(1, 1)];

function many(count: number): object[] {
  const watts = (i: number): number => ((i * 7919) % 70_000) / 100;
  return [
    HEADER,
    ...Array.from({ length: count }, (_, i) => gpuLine(i, 0, { powerWatts: watts(i) })),
  ];
}

describe("a good recording", () => {
  it("begins with its node", async () => {
    const { observations } = await readAll(plainFile(LINES));
    expect(observations[0]).toStrictEqual({
      kind: "node",
      node: "n1",
      source: "nvml",
      simulated: false,
      intervalMs: 1000,
      gpus: HEADER.gpus,
    });
  });

  it("reads the same plain and gzipped, whatever the name says of plain text", async () => {
    const plain = await readAll(plainFile(LINES));
    const packed = await readAll(gzipFile(LINES));
    const unnamed = await readAll(fileOf(gzipSync(textOf(LINES)), "a.ndjson"));
    expect(packed.observations).toEqual(plain.observations);
    expect(unnamed.observations).toEqual(plain.observations);
    expect(plain.lines).toEqual([1, 2, 3, 4, 5]);
  });

  it("keeps line numbers over skipped and blank lines, and takes CRLF and a byte order mark", async () => {
    const text = `\uFEFF${JSON.stringify(HEADER)}\r\n\r\n${JSON.stringify({ kind: "truth" })}\r\n${JSON.stringify(gpuLine(0))}\r\n`;
    const { observations, lines, reader } = await readAll(fileOf(text));
    expect(observations).toHaveLength(2);
    expect(lines).toEqual([1, 4]);
    expect(reader.lines).toBe(4);
    expect(reader.warnings).toEqual([]);
  });

  it("carries characters and lines over the borders of blocks", async () => {
    const name = "Überwachung 計測 ".repeat(3000);
    const lines = Array.from({ length: 40 }, (_, i) => ({
      kind: "host",
      t: T0 + i,
      list: [{ pid: i, comm: name }],
    }));
    for (const file of [plainFile([HEADER, ...lines]), gzipFile([HEADER, ...lines])]) {
      const { observations } = await readAll(file);
      expect(observations).toHaveLength(41);
      for (const seen of observations.slice(1))
        expect(seen).toMatchObject({ list: [{ comm: name }] });
    }
  });

  it("reads gzip files that were joined end to end", async () => {
    const joined = Buffer.concat([
      gzipSync(textOf(LINES.slice(0, 2))),
      gzipSync(textOf(LINES.slice(2))),
    ]);
    const { observations, reader } = await readAll(fileOf(joined, "a.ndjson.gz"));
    expect(observations).toHaveLength(5);
    expect(reader.warnings).toEqual([]);
  });

  it("lets sources lag behind each other, and times be equal", async () => {
    const lines = [gpuLine(5, 0), gpuLine(3, 1), gpuLine(5, 0), { kind: "host", t: T0, list: [] }];
    expect((await readAll(plainFile([HEADER, ...lines]))).observations).toHaveLength(5);
  });

  it("takes a later list of devices for the lines that follow", async () => {
    const { kind: _, version: __, ...node } = HEADER;
    const change = {
      kind: "node",
      t: T0 + 1,
      ...node,
      gpus: [{ index: 4, uuid: "c", model: "C" }],
    };
    const { observations } = await readAll(plainFile([HEADER, gpuLine(0), change, gpuLine(1, 4)]));
    expect(observations[2]).toMatchObject({ kind: "node", atMs: T0 * 1000 + 1000 });
    const error = await failureOf(readAll(plainFile([HEADER, change, gpuLine(1, 0)])));
    expect(error.code).toBe("recording/unknown-gpu");
  });
});

describe("a header", () => {
  it.each([1, 1.4, "1", "1.12"])("of version %j is read", async (version) => {
    expect((await readAll(plainFile([{ ...HEADER, version }]))).observations).toHaveLength(1);
  });

  it.each([0, 2, "2.0", "1x", null, undefined])("of version %j is refused", async (version) => {
    const error = await failureOf(readAll(plainFile([{ ...HEADER, version }])));
    expect(error.code).toBe("recording/version");
    expect(error.place).toMatch(/:1$/);
  });

  it("says that nothing real was measured", async () => {
    const { observations } = await readAll(plainFile([{ ...HEADER, simulated: true }]));
    expect(observations[0]).toMatchObject({ simulated: true });
  });

  it.each([
    ["node", 5],
    ["node", null],
    ["source", ""],
    ["intervalSeconds", undefined],
    ["intervalSeconds", 0],
    ["simulated", "yes"],
    ["gpus", {}],
    ["gpus", [{ index: 0, uuid: "a" }]],
    ["gpus", [{ index: 0, uuid: "a", model: "b", powerLimitWatts: "700" }]],
  ])("whose %s is %j is malformed", async (field, value) => {
    const error = await failureOf(readAll(plainFile([{ ...HEADER, [field]: value }])));
    expect(error.code).toBe("recording/malformed");
    expect(error.message).toContain(field);
  });

  it("leaves out what a device does not say", async () => {
    const gpus = [{ index: 0, uuid: "a", model: "b", memoryTotalBytes: null }];
    const { observations } = await readAll(plainFile([{ ...HEADER, gpus }]));
    expect(observations[0]).toMatchObject({ gpus: [{ index: 0, uuid: "a", model: "b" }] });
    expect(observations[0]).not.toHaveProperty("gpus[0].memoryTotalBytes");
  });
});

describe("a bad recording is refused with its place", () => {
  const bad: [string, string, () => string, RegExp][] = [
    ["recording/not-found", "a missing file", () => "/nowhere/a.ndjson", /nowhere\/a\.ndjson$/],
    ["recording/not-a-file", "a folder", () => temporaryFolder(), /assay-recording/],
    ["recording/not-a-file", "a device", () => "/dev/null", /null$/],
    ["recording/empty", "an empty file", () => fileOf(""), /a\.ndjson$/],
    ["recording/empty", "an empty .gz", () => fileOf("", "a.ndjson.gz"), /gz$/],
    ["recording/empty", "gzip of nothing", () => fileOf(gzipSync("")), /a\.ndjson$/],
    ["recording/empty", "blank lines", () => fileOf("\n\n"), /a\.ndjson$/],
    ["recording/not-gzip", "plain text in .gz", () => fileOf(textOf(LINES), "a.gz"), /a\.gz$/],
    ["recording/no-header", "no header", () => plainFile(LINES.slice(1)), /:1$/],
    ["recording/no-header", "no JSON at all", () => fileOf("PK\u0003\u0004 zip\n"), /:1$/],
    ["recording/malformed", "a second header", () => plainFile([...LINES, HEADER]), /:6$/],
    [
      "recording/malformed",
      "half a line amid",
      () => plainFile([...LINES, "{", gpuLine(2)]),
      /:6$/,
    ],
    ["recording/malformed", "half a line at a line end", () => plainFile([...LINES, "{"]), /:6$/],
    ["recording/out-of-order", "a step back", () => plainFile([...LINES, gpuLine(0.999)]), /:6$/],
    ["recording/unknown-gpu", "an unlisted GPU", () => plainFile([...LINES, gpuLine(2, 2)]), /:6$/],
  ];

  it.each(bad)("%s: %s", async (code, _, make, place) => {
    const error = await failureOf(readAll(make()));
    expect(error.code).toBe(code);
    expect(error.place).toMatch(place);
    expect(error.exitCode).toBe(2);
    expect(error.report()).toContain(`error ${code}: `);
  });

  it.each([
    ["index", [0, "GPU-a", 0, "GPU-b"]],
    ["uuid", [0, "GPU-a", 1, "GPU-a"]],
  ] as const)("recording/duplicate-gpu: two of one %s", async (what, [i, a, j, b]) => {
    const gpus = [
      { index: i, uuid: a, model: "M" },
      { index: j, uuid: b, model: "M" },
    ];
    const error = await failureOf(readAll(plainFile([{ ...HEADER, gpus }])));
    expect(error.code).toBe("recording/duplicate-gpu");
    expect(error.message).toContain(what);
  });

  it("a gzip stream with a damaged byte", async () => {
    const file = gzipFile(many(5000));
    const bytes = readFileSync(file);
    bytes.fill(0xff, bytes.length / 2, bytes.length / 2 + 64);
    writeFileSync(file, bytes);
    expect((await failureOf(readAll(file))).code).toBe("recording/not-gzip");
  });

  it("a line longer than the limit, but not one of that length", async () => {
    const line = JSON.stringify(gpuLine(0)).padEnd(2000);
    for (const make of [plainFile, gzipFile]) {
      const fits = await readAll(make([HEADER, line]), { maxLineBytes: 2000 });
      expect(fits.observations).toHaveLength(2);
      const error = await failureOf(readAll(make([HEADER, line]), { maxLineBytes: 1999 }));
      expect(error.code).toBe("recording/malformed");
      expect(error.place).toMatch(/:2$/);
    }
  });

  it("an endless line, before it fills the memory", async () => {
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) yield Buffer.alloc(1000, "x");
    }
    const tooLong = (): never => {
      throw new RangeError("too long");
    };
    await expect(lineBlocks(endless(), 5000, tooLong).next()).rejects.toThrow("too long");
  });

  it("a gzip file damaged far behind, after what came before was given out", async () => {
    const file = gzipFile(many(50_000));
    const bytes = readFileSync(file);
    bytes.fill(0xff, bytes.length - 5000, bytes.length - 4000);
    writeFileSync(file, bytes);
    let seen = 0;
    const reading = (async () => {
      for await (const _ of new RecordingReader(file)) seen += 1;
    })();
    expect((await failureOf(reading)).code).toBe("recording/not-gzip");
    expect(seen).toBeGreaterThan(40_000);
  });

  it("a gzip file of one long line", async () => {
    const file = fileOf(gzipSync(Buffer.alloc(64 * 2 ** 20, "x")), "a.ndjson.gz");
    expect((await failureOf(readAll(file))).message).toContain("longer than");
  });
});

describe("a recording that breaks off", () => {
  const text = textOf(LINES);

  it("in the middle of a line loses that line and says so", async () => {
    const { observations, reader } = await readAll(fileOf(text.slice(0, -10)));
    expect(observations).toHaveLength(4);
    const firstPlace = expect.stringMatching(/:5$/);
    expect(reader.warnings).toEqual([
      { code: "truncated", subject: "last line", count: 1, firstPlace },
    ]);
  });

  it("just before a line end loses nothing", async () => {
    const { observations, reader } = await readAll(fileOf(text.slice(0, -1)));
    expect(observations).toHaveLength(5);
    expect(reader.warnings).toEqual([]);
  });

  it("still has a wrong type refused in its last line", async () => {
    const file = fileOf(text + JSON.stringify(gpuLine(2, 0, { tempC: "hot" })));
    expect((await failureOf(readAll(file))).code).toBe("recording/malformed");
  });

  it("in its gzip stream gives every line before the break", async () => {
    const lines = many(20_000);
    const whole = gzipFile(lines);
    const packed = readFileSync(whole);
    for (const share of [0.2, 0.5, 0.999]) {
      const file = fileOf(packed.subarray(0, Math.floor(packed.length * share)), "cut.ndjson.gz");
      const { observations, reader } = await readAll(file);
      const expected = (await readAll(whole)).observations.slice(0, observations.length);
      expect(observations).toEqual(expected);
      expect(observations.length).toBeGreaterThan(20_000 * share * 0.8);
      expect(reader.warnings.map(({ code, subject }) => `${code} ${subject}`)).toContain(
        "truncated gzip stream",
      );
    }
  });

  it("gives everything up to the last flush when only the gzip trailer is missing", async () => {
    const flushed = gzipSync(text, { finishFlush: constants.Z_SYNC_FLUSH });
    const { observations, reader } = await readAll(fileOf(flushed, "a.ndjson.gz"));
    expect(observations).toHaveLength(5);
    expect(reader.warnings).toMatchObject([{ code: "truncated", subject: "gzip stream" }]);
  });

  it("before its first line is empty", async () => {
    const file = gzipFile(LINES);
    truncateSync(file, 12);
    expect((await failureOf(readAll(file))).code).toBe("recording/empty");
  });

  it("in its header has none", async () => {
    const file = fileOf(JSON.stringify(HEADER).slice(0, -3));
    expect((await failureOf(readAll(file))).code).toBe("recording/no-header");
  });
});

describe("reading a part", () => {
  it("can stop early, again and again", async () => {
    const file = gzipFile(many(20_000));
    for (let round = 0; round < 50; round += 1) {
      let seen = 0;
      for await (const _ of new RecordingReader(file)) if ((seen += 1) === 10) break;
      expect(seen).toBe(10);
    }
  });
});
