import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { choose, readCatalogue } from "../../../bench/campaign/catalogue.ts";
import { UsageError } from "../../../bench/campaign/faults.ts";
import { listing } from "../../../bench/campaign/listing.ts";
import { parseOptions } from "../../../bench/campaign/options.ts";
import { AssayError } from "../../../src/model/errors.ts";
import { temporaryFolder } from "../../support/temporary.ts";
import { dry, writeCatalogue } from "./rig.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const parsed = (...args: string[]): unknown => parseOptions(args, () => undefined);

function refusal(args: readonly string[]): AssayError {
  try {
    parsed(...args);
  } catch (error) {
    if (error instanceof AssayError) return error;
    throw error;
  }
  throw new Error(`taken: ${args.join(" ")}`);
}

function catalogue(...names: string[]): ReturnType<typeof readCatalogue> {
  const folder = temporaryFolder("catalogue");
  writeCatalogue(
    folder,
    names.map((name) => dry(name)),
  );
  return readCatalogue(folder);
}

describe("the command line of a campaign", () => {
  it("has a sensible value for everything but the folder", () => {
    expect(parsed("--out", "/x")).toMatchObject({
      minutes: 9,
      seconds: 25,
      gap: 4,
      hz: 10,
      gpu: 0,
      only: [],
      out: "/x",
      node: "campaign",
      identify: false,
    });
    expect(parsed("--list")).toMatchObject({ list: true });
  });

  it.each([
    [["--minutes"], "argument missing"],
    [["--minutes", "soon"], "--minutes: must be a number from 0 to 1440"],
    [["--hz", "51", "--out", "x"], "--hz: must be a number from 0.5 to 50"],
    [["--seconds", "3.9", "--out", "x"], "--seconds: must be a number from 4 to 3600"],
    [["--gpu", "0.5", "--out", "x"], "--gpu: must be a whole number"],
    [["--warm-timeout", "0", "--out", "x"], "--warm-timeout: must be a number from 1"],
    [["--colour"], "unknown option '--colour'"],
    [["--out", "x", "more"], "too many arguments"],
    [[], "--out is needed"],
    [["--out", "x", "--keep", "y", "--identify"], "without --identify"],
  ])("is refused as %j", (args, why) => {
    const error = refusal(args);
    expect({ code: error.code, exitCode: error.exitCode }).toEqual({
      code: "cli/usage",
      exitCode: 2,
    });
    expect(`${error.place}: ${error.message}`).toContain(why);
    expect(error.hint).toMatch(/\w/);
  });
});

describe("npm run campaign", () => {
  it("prints what is wrong with an option, where, and what helps, and exits with 2", () => {
    const { status, stderr } = spawnSync(
      process.execPath,
      ["--import", "tsx", "bench/campaign/main.ts", "--colour"],
      { cwd: ROOT, encoding: "utf8" },
    );
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr:
        "error cli/usage: unknown option '--colour'\n  at --colour\n  hint: npm run campaign -- --help\n",
    });
  }, 60_000);
});

describe("the choice of workloads", () => {
  const all = catalogue("a", "b", "c");
  const chosen = (only: string[], skip: string[]): string[] =>
    choose(all, { only, skip }).map(({ name }) => name);

  it("is all of them in order of worth, or those that are named in the order they are named", () => {
    expect(chosen([], [])).toEqual(["a", "b", "c"]);
    expect(chosen(["c", "a", "c"], [])).toEqual(["c", "a"]);
    expect(chosen([], ["b"])).toEqual(["a", "c"]);
  });

  it("refuses a name that nothing has", () => {
    expect(() => chosen(["z"], [])).toThrow("no workload is called z");
    expect(() => chosen([], ["y"])).toThrow("no workload is called y");
  });

  it("is shown with when each would start", () => {
    const [, first, second, , last] = listing(all, 25, 4).split("\n");
    expect(first).toMatch(/^ +0\.0 m +25s {2}a +other +family-of-a$/);
    expect(second).toMatch(/^ +0\.5 m/);
    expect(last).toBe("3 workloads, about 2 minutes");
  });

  it("refuses a catalogue with two of one name, or a name that is a path", () => {
    expect(() => catalogue("a", "a")).toThrow("two workloads have one name");
    expect(() => catalogue("../a")).toThrow(UsageError);
  });
});
