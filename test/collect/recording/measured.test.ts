import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { replaySource } from "../../../src/collect/recording/replay.ts";
import { readAll } from "./support/files.ts";

const folder = process.env["ASSAY_RECORDINGS"];
const files =
  folder !== undefined && existsSync(folder)
    ? readdirSync(folder).filter((name) => /\.ndjson(\.gz)?$/.test(name))
    : [];

describe("recordings of real devices", () => {
  const why = files.length > 0 ? "" : " (skipped: ASSAY_RECORDINGS names no folder of recordings)";

  it.skipIf(files.length === 0)(`are there to be read${why}`, () => {
    expect(files.length).toBeGreaterThan(0);
  });

  it.each(files)(
    "%s is read and replayed whole, without garbage or unknown fields",
    async (name) => {
      const file = join(folder ?? "", name);
      const { observations, reader } = await readAll(file);
      expect(reader.warnings).toEqual([]);
      const [node, ...rest] = observations;
      expect(node?.kind).toBe("node");
      expect(rest.length).toBeGreaterThan(20);
      const replay = replaySource({ file, speed: Infinity, clock: () => 0, sleep: async () => {} });
      let replayed = 0;
      let lastMs = Number.NEGATIVE_INFINITY;
      for await (const observation of replay) {
        if (observation.kind !== "tick") replayed += 1;
        if (!("atMs" in observation) || observation.atMs === undefined) continue;
        expect(observation.atMs).toBeGreaterThanOrEqual(lastMs);
        lastMs = observation.atMs;
      }
      expect(replayed).toBe(observations.length);
      expect(replay.warnings).toEqual([]);
    },
  );
});
