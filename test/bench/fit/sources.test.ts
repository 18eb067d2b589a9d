import { appendFileSync, copyFileSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fitArguments } from "../../../bench/fit/options.ts";
import { gather } from "../../../bench/fit/sources.ts";
import { AssayError } from "../../../src/model/errors.ts";
import { loadShippedData } from "../../../src/config/data.ts";
import { temporaryFolder } from "../../support/temporary.ts";
import { writeCampaign, writeRecording } from "./recordings.ts";

const NOTHING = { simulated: false, foreign: false };
const base = loadShippedData().model;

const refusal = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
  } catch (error) {
    if (error instanceof AssayError) return error.report();
    throw error;
  }
  return "not refused";
};

describe("the recordings of a fit", () => {
  it("are the project's own, with their hashes and families", async () => {
    const home = temporaryFolder("fit");
    await writeCampaign(home, false);
    const { recordings, simulated, skipped, windows } = await gather(home, base, NOTHING, home);
    expect(simulated).toBe(false);
    expect(skipped).toEqual([]);
    expect(recordings).toHaveLength(8);
    expect(recordings[0]).toMatchObject({
      file: "a-inference-like.ndjson",
      families: ["a-inference-like"],
    });
    expect(recordings[0]?.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(windows.length).toBeGreaterThanOrEqual(8 * 6);
  });

  it("are refused where there are none, with the way to some", async () => {
    const home = temporaryFolder("fit");
    for (const directory of [home, join(home, "not-there")]) {
      const said = await refusal(gather(directory, base, NOTHING, home));
      expect(said).toContain("error fit/no-recordings");
      expect(said).toContain("no model was made");
      expect(said).toContain("npm run campaign");
    }
  });

  it("are refused by name where they are simulated, unless that is asked for", async () => {
    const home = temporaryFolder("fit");
    await writeCampaign(home, false);
    await writeRecording(home, { name: "dream", kind: "other", simulated: true });
    const said = await refusal(gather(home, base, NOTHING, home));
    expect(said).toContain("error fit/simulated");
    expect(said).toContain("at dream.ndjson");
    const allowed = await gather(home, base, { ...NOTHING, simulated: true }, home);
    expect(allowed.simulated).toBe(true);
  });

  it("are refused from elsewhere, saying that public ones are for measuring", async () => {
    const [home, elsewhere] = [temporaryFolder("fit"), temporaryFolder("elsewhere")];
    await writeCampaign(elsewhere, false);
    const said = await refusal(gather(elsewhere, base, NOTHING, home));
    expect(said).toContain("error fit/foreign");
    expect(said).toContain("for measuring only");
    expect(said).toContain("--foreign-i-have-the-right");
    const allowed = await gather(elsewhere, base, { ...NOTHING, foreign: true }, home);
    expect(allowed.recordings).toHaveLength(8);
  });

  it("are refused where a link leads elsewhere, and taken from a folder within", async () => {
    const [home, elsewhere] = [temporaryFolder("fit"), temporaryFolder("elsewhere")];
    const inside = join(home, "h200");
    mkdirSync(inside);
    await writeCampaign(inside, false);
    expect((await gather(inside, base, NOTHING, home)).recordings).toHaveLength(8);
    const file = await writeRecording(elsewhere, { name: "x", kind: "other", simulated: false });
    symlinkSync(file, join(inside, "x.ndjson"));
    expect(await refusal(gather(inside, base, NOTHING, home))).toContain("error fit/foreign");
  });

  it("are refused where a label has fewer than two families, each named", async () => {
    const home = temporaryFolder("fit");
    await writeCampaign(home, false);
    rmSync(join(home, "b-mining-like.ndjson"));
    for (const letter of ["a", "b"]) rmSync(join(home, `${letter}-other.ndjson`));
    const said = await refusal(gather(home, base, NOTHING, home));
    expect(said).toContain("error fit/families");
    expect(said).toContain("mining-like has a-mining-like; other has none");
    expect(said).not.toContain("training-like has");
  });

  it("are passed over and listed without truth, and where they are copies", async () => {
    const home = temporaryFolder("fit");
    await writeCampaign(home, false);
    await writeRecording(home, { name: "silent", kind: "other", simulated: false, truth: [] });
    copyFileSync(join(home, "a-other.ndjson"), join(home, "z-copy.ndjson"));
    const { recordings, skipped } = await gather(home, base, NOTHING, home);
    expect(recordings).toHaveLength(8);
    expect(skipped).toEqual([
      "silent.ndjson: no truth about a device's windows",
      "z-copy.ndjson: the same bytes as a-other.ndjson",
    ]);
  });

  it("are noted where a truth names no family", async () => {
    const home = temporaryFolder("fit");
    await writeCampaign(home, false);
    const file = await writeRecording(home, {
      name: "lone",
      kind: "other",
      simulated: false,
      truth: [],
    });
    const stretch = { from: 1_800_000_000, to: 1_800_000_060 };
    appendFileSync(
      file,
      `${JSON.stringify({ kind: "truth", gpu: 0, ...stretch, label: "other" })}\n`,
    );
    const { notices, recordings } = await gather(home, base, NOTHING, home);
    expect(notices).toEqual([expect.stringContaining("lone.ndjson")]);
    expect(recordings.find(({ file: name }) => name === "lone.ndjson")?.families).toEqual(["lone"]);
  });
});

describe("two things at once on a device", () => {
  const truthOfMixture = async (labels: ("training-like" | "mining-like" | "other")[]) => {
    const home = temporaryFolder("fit");
    await writeCampaign(home, false);
    const [label = "other"] = labels;
    await writeRecording(home, {
      name: "mixed",
      kind: "other",
      simulated: false,
      truth: [{ label, labels }],
    });
    const { windows } = await gather(home, base, NOTHING, home);
    return windows.filter(({ recording }) => recording === "mixed");
  };

  it("are mining if mining is one of them", async () => {
    const [window] = await truthOfMixture(["training-like", "mining-like"]);
    expect(window?.truthSeconds["mining-like"]).toBeGreaterThan(9);
    expect(window?.truthSeconds["training-like"]).toBe(0);
  });

  it("are nobody's example if both are honest", async () => {
    expect(await truthOfMixture(["training-like", "other"])).toEqual([]);
    expect((await truthOfMixture(["other"])).length).toBeGreaterThan(0);
  });
});

describe("the command line of a fit", () => {
  it("names a directory, a file and what is allowed", () => {
    expect(fitArguments([])).toEqual({
      directory: undefined,
      out: undefined,
      check: false,
      simulated: false,
      foreign: false,
      base: undefined,
    });
    expect(
      fitArguments([
        "d",
        "--out",
        "m.json",
        "--check",
        "--simulated",
        "--foreign-i-have-the-right",
      ]),
    ).toMatchObject({ directory: "d", out: "m.json", check: true, simulated: true, foreign: true });
  });

  it.each([[["a", "b"]], [["--nonsense"]], [["--check"]], [["--out", ""]], [["--out"]]])(
    "is refused with the usage: %j",
    (args) => {
      expect(() => fitArguments(args)).toThrow(AssayError);
    },
  );
});
