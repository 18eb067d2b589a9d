import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { haveCompiler } from "../../support/nvml-stub.ts";
import { endsWithin, isRunning, pause } from "../../support/running.ts";
import { temporaryFolder } from "../../support/temporary.ts";
import { CampaignRig, dry, readRecording, startCampaign, writeCatalogue } from "./rig.ts";

const compiler = haveCompiler();
const suffix = compiler ? "" : " (skipped: no C compiler `cc`)";
const PATIENCE_MS = 120_000;

/** Waits until it is so. */
async function eventually(what: () => boolean): Promise<void> {
  const untilMs = Date.now() + 40_000;
  while (!what()) {
    if (Date.now() > untilMs) throw new Error("it never was so");
    await pause(20);
  }
}

/** Processes whose command line holds a text. */
function running(text: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(text) ? [Number(pid)] : [];
      } catch {
        return [];
      }
    });
}

describe.skipIf(!compiler)(`a campaign that is ended${suffix}`, () => {
  it(
    "leaves after kill -9 neither a process nor half a recording, and goes on from there",
    async () => {
      const rig = new CampaignRig([dry("one"), dry("two", "parent"), dry("three")]);
      const { child, ended } = rig.start();
      // In the middle of the second, while the third waits for its turn.
      await eventually(() => rig.started.length === 3);
      await pause(500);
      expect(existsSync(join(rig.out, "unfinished", "two.ndjson.gz"))).toBe(true);
      child.kill("SIGKILL");
      expect(await ended).toMatchObject({ signal: "SIGKILL" });
      for (const { pid } of rig.started) expect(await endsWithin(pid, 5000)).toBe(true);
      await eventually(() => running(rig.out).length === 0);
      expect(readdirSync(rig.out).filter((name) => name.endsWith(".ndjson.gz"))).toEqual([
        "one.ndjson.gz",
      ]);
      expect((await readRecording(rig.recording("one"))).warnings).toEqual([]);

      const again = await rig.run();
      expect(again).toMatchObject({ code: 0, stderr: "" });
      expect(again.stdout).toContain("1 of 3 are there already, 2 to do");
      expect(readdirSync(join(rig.out, "unfinished"))).toEqual([]);
      for (const name of ["two", "three"])
        expect((await readRecording(rig.recording(name))).warnings).toEqual([]);
    },
    PATIENCE_MS,
  );

  it(
    "throws away what it is at when it is asked to end, tells what is there, and refuses a second one",
    async () => {
      const rig = new CampaignRig([dry("one"), dry("two", "stubborn")]);
      const { child, ended } = rig.start();
      await eventually(() => rig.started.length === 1);
      const other = await rig.run();
      expect(other.code).toBe(2);
      expect(other.stderr).toMatch(/holds this campaign/);
      await eventually(() => existsSync(rig.recording("one")));
      await eventually(() => rig.started.length === 2);
      child.kill("SIGTERM");
      const { code, stdout } = await ended;
      expect(code).toBe(0);
      expect(stdout).toContain("SIGTERM: stopping");
      expect(stdout).toMatch(/^one +other /m);
      expect(existsSync(rig.recording("two"))).toBe(false);
      for (const { pid } of rig.started) expect(await isRunning(pid)).toBe(false);
    },
    PATIENCE_MS,
  );

  it("stops before it begins what it cannot end in time", async () => {
    const rig = new CampaignRig([dry("one"), dry("two")]);
    const { code, stdout } = await rig.run("--minutes=0.05");
    expect(code).toBe(0);
    expect(stdout).toContain("-- one and what follows: no time left; call again");
    expect(rig.started).toEqual([]);
  });

  it("starts nothing where there is no such device", async () => {
    const rig = new CampaignRig([dry("one")]);
    const { code, stderr } = await rig.run("--gpu=5");
    expect(code).toBe(1);
    expect(stderr).toContain("there is no GPU 5 to record; there are 0 (Stand-in 9000), 1 ");
    expect(rig.started).toEqual([]);
  });
});

describe("a campaign that cannot begin", () => {
  it("says what is missing where there is no driver, and ends with 1", async () => {
    const folder = temporaryFolder("campaign");
    writeCatalogue(folder, [dry("one")]);
    const args = [
      `--out=${join(folder, "out")}`,
      `--workloads=${folder}`,
      "--library=/nowhere/nvml.so",
    ];
    const { code, stderr } = await startCampaign(args).ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/no GPU can be recorded here\n.*there is no GPU to record/s);
  });

  it("refuses what it cannot read with exit code 2", async () => {
    const args = ["--out", "x", "--workloads", "/nowhere"];
    const { code, stderr, stdout } = await startCampaign(args).ended;
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("catalogue.json cannot be read");
  });
});
