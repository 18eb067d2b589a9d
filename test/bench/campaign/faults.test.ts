import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { haveCompiler } from "../../support/nvml-stub.ts";
import { isRunning } from "../../support/running.ts";
import { CampaignRig, dry, readRecording } from "./rig.ts";

const compiler = haveCompiler();
const suffix = compiler ? "" : " (skipped: no C compiler `cc`)";
const PATIENCE_MS = 240_000;

describe.skipIf(!compiler)(`workloads that go wrong${suffix}`, () => {
  it(
    "are told of, thrown away and tried again, but for those that refuse; none outlives its turn",
    async () => {
      const faults = [
        "failing",
        "refusing",
        "crashing",
        "hanging",
        "waiting",
        "stubborn",
        "parent",
      ];
      const rig = new CampaignRig(faults.map((manner) => dry(manner, manner)));
      const cuda = { name: "unbuilt", parts: [{ manner: "nothing", kind: "cuda" as const }] };
      rig.catalogue([cuda, ...faults.map((manner) => dry(manner, manner))]);
      const first = await rig.run("--warm-timeout=2", "--nvcc=/nowhere/nvcc");
      expect(first.code).toBe(1);
      expect(first.stdout).toMatch(/unbuilt +FAILED: nothing\.cu is not in /);
      expect(first.stdout).toMatch(
        /failing +FAILED: ended before "ready" \(exit 3\): no such kernel image/,
      );
      expect(first.stdout).toMatch(/refusing +refused: needs 999 GB/);
      expect(first.stdout).toMatch(
        /crashing +FAILED: dry\.mjs ended early \(exit 3\): illegal memory access/,
      );
      expect(first.stdout).toMatch(/hanging +FAILED: no "ready" within 2 s/);
      // Those did what they should while they were measured, and had to be ended.
      for (const name of ["waiting", "stubborn", "parent"]) {
        expect(first.stdout).toMatch(new RegExp(`${name} +ok, `));
        expect((await readRecording(rig.recording(name))).warnings).toEqual([]);
      }
      expect(readdirSync(rig.out).filter((name) => name.endsWith(".gz"))).toHaveLength(3);
      expect(readdirSync(rig.file("unfinished"))).toEqual([]);
      for (const { pid } of rig.started) expect(await isRunning(pid)).toBe(false);

      const before = rig.started.length;
      rig.catalogue(faults.map((name) => dry(name)));
      const second = await rig.run("--skip=hanging");
      expect(second).toMatchObject({ code: 0, stderr: "" });
      expect(second.stdout).toContain("not tried again: refusing: needs 999 GB");
      expect(second.stdout).toMatch(/failing +ok, [^]*crashing +ok, /);
      expect(rig.started.length - before).toBe(2);
    },
    PATIENCE_MS,
  );
});
