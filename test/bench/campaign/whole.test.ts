import { readdirSync, readFileSync, statSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { extract } from "tar-fs";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { describe, expect, it } from "vitest";
import { haveCompiler } from "../../support/nvml-stub.ts";
import { isRunning } from "../../support/running.ts";
import { CampaignRig, dry, rawLines, readRecording, truths } from "./rig.ts";

const compiler = haveCompiler();
const suffix = compiler ? "" : " (skipped: no C compiler `cc`)";
const PATIENCE_MS = 240_000;

const names = (folder: string): string[] => readdirSync(folder).sort();

describe.skipIf(!compiler)(`a campaign on a stand-in driver${suffix}`, () => {
  it(
    "records what is missing with its truth, each recording whole, and shows and keeps it",
    async () => {
      const both = ["training-like", "mining-like"];
      const pair = [
        { manner: "good", label: "training-like" },
        { manner: "good", label: "mining-like" },
      ];
      const duty = { ...dry("duty", "duty", "mining-like"), facts: { duty: 0.5 } };
      const idle = { name: "idle", label: "idle", parts: [{ manner: "", kind: "none" as const }] };
      const rig = new CampaignRig([duty, idle]);
      rig.listsItsWork = true;
      const first = await rig.run();
      expect(first.stderr).toBe("");
      expect(first).toMatchObject({ code: 0 });
      const before = readFileSync(rig.recording("duty"));

      // The compiler here copies, so the program is the source.
      const nvcc = rig.compiler(
        'while [ "$1" != -o ]; do shift; done; cp "$3" "$2"; chmod +x "$2"',
      );
      const script = join(rig.folder, "workloads", "dry.mjs");
      rig.source("nap", `#!/bin/sh\nexec ${process.execPath} ${script} good "$@"\n`);
      rig.source("broken", "");
      const cuda = { name: "cuda", parts: [{ manner: "nap", kind: "cuda" as const }] };
      const two = { name: "a+b", label: "mining-like", labels: both, parts: pair };
      rig.catalogue([two, duty, dry("one", "good", "training-like"), cuda, idle]);
      const kept = join(rig.folder, "kept");
      const second = await rig.run(`--nvcc=${nvcc}`, "--profile", "--pack", `--keep=${kept}`);
      expect(second.stderr).toBe("");
      expect(second).toMatchObject({ code: 0 });
      expect(second.stdout).toContain("1 of 5 are there already");
      // What was there was not touched: it was only traced.
      expect(readFileSync(rig.recording("duty")).equals(before)).toBe(true);
      expect(rig.started.filter(({ manner }) => manner === "duty")).toHaveLength(2);

      for (const name of ["a+b", "duty", "one", "cuda", "idle"]) {
        const { warnings, gpus, samples } = await readRecording(rig.recording(name));
        expect(warnings).toEqual([]);
        expect(gpus).toEqual([0]);
        const found = truths(rig.recording(name));
        expect(found.length).toBeGreaterThan(0);
        for (const { from, to, gpu, workload, family } of found) {
          expect({ gpu, workload, family }).toEqual({
            gpu: 0,
            workload: name,
            family: `family-of-${name}`,
          });
          expect(to - from).toBeGreaterThanOrEqual(2);
          expect(from).toBeGreaterThanOrEqual(samples[0] ?? Infinity);
          expect(to).toBeLessThanOrEqual(samples.at(-1) ?? 0);
        }
      }
      const labelsOf = (name: string): unknown[] =>
        truths(rig.recording(name)).map(({ label, pid }) => [label, pid !== undefined]);
      expect(labelsOf("idle")).toEqual([["idle", false]]);
      expect(labelsOf("a+b")).toEqual([
        ["mining-like", false],
        ["training-like", true],
        ["mining-like", true],
      ]);
      expect(truths(rig.recording("a+b"))[0]?.labels).toEqual(both);
      expect(truths(rig.recording("duty"))[0]).toMatchObject({ duty: 0.5 });

      const kinds = (name: string): string[] =>
        rawLines(rig.recording(name)).map(({ kind }) => kind);
      expect(kinds("duty").filter((kind) => kind === "phase").length).toBeGreaterThan(6);
      expect(kinds("duty").filter((kind) => kind === "launches")).toHaveLength(1);
      const times = rawLines(rig.recording("duty")).flatMap(({ kind, t }) =>
        ["gpu", "phase"].includes(kind) && typeof t === "number" ? [t] : [],
      );
      expect(times).toEqual(times.toSorted((a, b) => a - b));

      // Somebody was seen, and nothing is told of who and where.
      const text = ["duty", "one", "cuda"]
        .map((name) => gunzipSync(readFileSync(rig.recording(name))).toString("utf8"))
        .join("");
      expect(text).toContain('"user":"user1"');
      expect(text).toContain('"argv":["node","dry.mjs"');
      for (const secret of [
        rig.folder,
        "GPU-00000000",
        `"${hostname()}"`,
        `"${userInfo().username}"`,
        "environ",
      ])
        expect({ secret, isThere: text.includes(secret) }).toEqual({ secret, isThere: false });

      expect(rawLines(rig.file("one.launches.ndjson.gz")).map(({ kind }) => kind)).toEqual([
        "recording",
        "launches",
        "truth",
      ]);
      const unpacked = join(rig.folder, "unpacked");
      await pipeline(createReadStream(rig.file("campaign.tar")), extract(unpacked));
      const packed = names(join(unpacked, "campaign"));
      expect(packed).toContain("one.ndjson.gz");
      expect(packed).toContain("summary.json");
      expect(packed.filter((name) => /log|lock|tar/.test(name))).toEqual([]);
      expect(names(kept)).toContain("stand-in-9000.one.launches.ndjson.gz");
      const bytes = names(kept).reduce((sum, name) => sum + statSync(join(kept, name)).size, 0);
      expect(second.stdout).toContain(`would grow by ${bytes} bytes`);
      expect(second.stdout).toMatch(/^one +training-like +70 +0\.000 .*12\.5 naps\/s$/m);
      // 70 W that no energy counter knows of.
      expect(second.stdout).toContain("not so: idle: the energy counter agrees");
      for (const { pid } of rig.started) expect(await isRunning(pid)).toBe(false);

      const third = await rig.run("--minutes=0");
      expect(third).toMatchObject({ code: 0 });
      expect(third.stdout).toContain("5 of 5 are there already, 0 to do");
      expect((await rig.run("--identify")).stderr).toContain("recorded without it");
    },
    PATIENCE_MS,
  );
});
