import { execFile } from "node:child_process";
import { copyFileSync, readdirSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { accuracy, type Surroundings } from "../../bench/accuracy/command.ts";
import { evaluate } from "../../bench/accuracy/evaluate.ts";
import { type LogEntry, logged, readLog } from "../../bench/accuracy/log.ts";
import { accuracyOptions } from "../../bench/accuracy/options.ts";
import { pageText } from "../../bench/accuracy/page.ts";
import type { SetResult } from "../../bench/accuracy/result.ts";
import { sectionText } from "../../bench/accuracy/section.ts";
import { recordingsIn } from "../../bench/accuracy/truth.ts";
import { loadShippedData } from "../../src/config/data.ts";
import { AssayError } from "../../src/model/errors.ts";
import { FEATURE_GROUPS, FEATURES } from "../../src/model/signature.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { writeMadeUp } from "./accuracy-recordings.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const DATE = "2027-03-01";

describe("what the accuracy is asked", () => {
  it("is directories, and perhaps features or groups to do without, once each", () => {
    expect(accuracyOptions([])).toEqual({ directories: [], without: [], write: true, json: false });
    expect(
      accuracyOptions(["a", "--without", "powerLevel, gpuUtil,powerLevel", "b"]),
    ).toMatchObject({ directories: ["a", "b"], without: ["gpuUtil", "powerLevel"] });
    expect(accuracyOptions(["--without", "peers,powerLevel"]).without).toEqual([
      "powerLevel",
      ...FEATURE_GROUPS.peers,
    ]);
    expect(accuracyOptions(["--no-write", "--json"])).toMatchObject({ write: false, json: true });
  });

  it("is refused with the lists where a feature or group is unknown", () => {
    const refused = hintOf(() => accuracyOptions(["a", "--without", "powerLevel,pwoer"]));
    expect(refused).toContain('is called "pwoer"');
    expect(refused).toContain(FEATURES.join(", "));
    expect(refused).toContain(Object.keys(FEATURE_GROUPS).join(", "));
  });

  it.each([[["--with", "x"]], [["d", "--without"]], [["--json=yes"]], [["--without", ""]]])(
    "is refused with code 2: %j",
    (args) => {
      expect(hintOf(() => accuracyOptions(args))).toContain("cli/usage");
    },
  );
});

function hintOf(refused: () => unknown): string {
  try {
    refused();
  } catch (error) {
    if (error instanceof AssayError && error.exitCode === 2) return error.report();
    throw error;
  }
  throw new Error("nothing was refused");
}

interface Rig extends Surroundings {
  out: string[];
  err: string[];
}

function rig(own?: string): Rig {
  const folder = temporaryFolder("accuracy-page");
  const [out, err]: [string[], string[]] = [[], []];
  writeFileSync(join(folder, "log.json"), "[]");
  return {
    ownDirectory: own ?? join(folder, "none"),
    page: join(folder, "accuracy.md"),
    log: join(folder, "log.json"),
    date: DATE,
    stdout: (text) => void out.push(text),
    stderr: (text) => void err.push(text),
    out,
    err,
  };
}

function foreign(): string {
  const folder = temporaryFolder("accuracy");
  writeMadeUp(folder, "a", { family: "gpt", label: "training-like" });
  writeMadeUp(folder, "b", { family: "sort", label: "other" });
  return folder;
}

describe("the command", () => {
  it("prints every table, writes the page and logs the scoring of other people's recordings", async () => {
    const io = rig();
    expect(await accuracy(accuracyOptions([foreign()]), io)).toBe(0);
    const page = readFileSync(io.page, "utf8");
    for (const title of [
      "Confusion",
      "Beside other methods",
      "Each kind of evidence",
      "cannot show",
    ])
      for (const text of [io.out.join(""), page]) expect(text).toContain(title);
    expect(page).toContain("gpt on NVIDIA H100 80GB HBM3");
    expect(readLog(io.log)).toMatchObject([{ date: DATE, truthSeconds: 120, times: 1 }]);
    expect(page).toContain(DATE);
  });

  it("counts a scoring that repeats the last one, and tells it from one with other figures", async () => {
    const io = rig();
    const same = foreign();
    await accuracy(accuracyOptions([same]), io);
    await accuracy(accuracyOptions([same]), io);
    expect(readLog(io.log)).toMatchObject([{ times: 2 }]);
    writeMadeUp(same, "c", { family: "fft", label: "other" });
    await accuracy(accuracyOptions([same]), io);
    expect(readLog(io.log)).toMatchObject([{ times: 2 }, { times: 1, truthSeconds: 180 }]);
  });

  it("writes nothing where it must not, and says that the log does not have it", async () => {
    const io = rig();
    await accuracy(accuracyOptions([foreign(), "--no-write"]), io);
    expect(existsSync(io.page)).toBe(false);
    expect(readLog(io.log)).toEqual([]);
    expect(io.err.join("")).toContain("in no log");
  });

  it("shows beside everything what features add; the page does not depend on what was asked", async () => {
    const [io, plain, folder] = [rig(), rig(), foreign()];
    const telemetry = FEATURES.filter((name) => !name.startsWith("probe")).join(",");
    await accuracy(accuracyOptions([folder, "--without", telemetry]), io);
    await accuracy(accuracyOptions([folder]), plain);
    // Without any feature a window that works is unknown.
    expect(io.out.join("")).toMatch(/asked for: gpuUtil.*\| +0\.0 % \| +0\.000 \| +100\.0 %/);
    expect(readFileSync(io.page, "utf8")).toBe(readFileSync(plain.page, "utf8"));
  });

  it("leaves a section that it did not score as it was", async () => {
    const own = foreign();
    const both = rig(own);
    await accuracy(accuracyOptions([foreign()]), both);
    const before = readFileSync(both.page, "utf8");
    await accuracy(accuracyOptions([]), both);
    expect(readFileSync(both.page, "utf8")).toBe(before);
    expect(readLog(both.log)).toHaveLength(1);
  });

  it("takes its own recordings for its own also where they are named", async () => {
    const io = rig(foreign());
    await accuracy(accuracyOptions([io.ownDirectory, "--json"]), io);
    const said: unknown = JSON.parse(io.out.join(""));
    expect(said).toMatchObject({ own: { result: { kind: "own" } }, foreign: { unscored: [] } });
    expect(said).not.toHaveProperty("foreign.result");
    expect(readLog(io.log)).toEqual([]);
  });

  it("scores what can be read and ends with 1 where something cannot", async () => {
    const [io, folder] = [rig(), foreign()];
    writeFileSync(join(folder, "broken.ndjson"), "{\n");
    expect(await accuracy(accuracyOptions([folder]), io)).toBe(1);
    expect(io.err.join("")).toContain("broken.ndjson");
    expect(io.err.join("")).toContain("1 of 3 recordings were not scored");
    expect(readLog(io.log)).toMatchObject([{ truthSeconds: 120 }]);
  });

  it("scores the same bytes once, whatever they are called", async () => {
    const [io, folder] = [rig(), foreign()];
    const [first = ""] = readdirSync(folder);
    copyFileSync(join(folder, first), join(folder, `copy-of-${first}`));
    expect(await accuracy(accuracyOptions([folder]), io)).toBe(0);
    expect(io.err.join("")).toContain("it holds the same bytes as");
    expect(readLog(io.log)).toMatchObject([{ truthSeconds: 120 }]);
  });

  it.each([
    ["an empty directory", () => [temporaryFolder("accuracy-empty")]],
    ["no such directory", () => [join(temporaryFolder("accuracy-empty"), "no")]],
    ["none of its own, and none given", () => []],
  ])("is refused for %s", async (_, directories) => {
    const asked = accuracy(accuracyOptions(directories()), rig());
    await expect(asked).rejects.toMatchObject({ code: "cli/usage", exitCode: 2 });
  });

  it("is refused where a directory holds nothing but simulated recordings", async () => {
    const folder = temporaryFolder("accuracy");
    writeMadeUp(folder, "sim", { family: "gpt", label: "training-like", simulated: true });
    const asked = accuracy(accuracyOptions([folder]), rig());
    await expect(asked).rejects.toMatchObject({ code: "cli/usage" });
  });

  it("as a process prints the error with its hint and ends with 2", async () => {
    const args = ["--import", "tsx", "bench/accuracy/main.ts", "--without", "nothing"];
    const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
      execFile(process.execPath, args, { cwd: ROOT }, (error, _, text) =>
        resolve({ code: error?.code, stderr: text }),
      );
    });
    expect(code).toBe(2);
    expect(stderr).toContain("error cli/usage: no feature and no group");
  });
});

describe("the page", () => {
  const entry: LogEntry = {
    date: "2026-11-21",
    model: "physics-1",
    recordings: "12 runs",
    truthSeconds: 20012,
    accuracy: 0.789,
    macroF1: 0.665,
    unknown: 0.166,
    falseMiningSeconds: 0,
    times: 6,
  };

  async function result(): Promise<SetResult> {
    const { model } = loadShippedData();
    const plan = { kind: "foreign", model, without: [] } as const;
    const evaluated = await evaluate(recordingsIn(foreign()), plan);
    if (!evaluated.result) throw new Error("nothing was scored");
    return evaluated.result;
  }

  it("is the same for the same results, and written over itself does not change", async () => {
    const scored = await result();
    const sections = { foreign: sectionText(scored) };
    const page = pageText("", sections, [entry]);
    expect(pageText("", { foreign: sectionText(structuredClone(scored)) }, [entry])).toBe(page);
    expect(pageText(page, sections, [entry])).toBe(page);
    expect(pageText(page, {}, [entry])).toBe(page);
  });

  it("names runs by kind of work and device, and no file or folder of the machine", async () => {
    const page = pageText("", { foreign: sectionText(await result()) }, [entry]);
    expect(page).not.toContain("ndjson");
    expect(page).not.toMatch(/\/(tmp|dev|home|work)\//);
    expect(page).toContain("sort on NVIDIA H100 80GB HBM3");
  });

  it("keeps every row of the log", async () => {
    const log = logged([entry], await result(), DATE);
    expect(log).toHaveLength(2);
    const page = pageText("", {}, log);
    expect(page).toMatch(/2026-11-21 \| physics-1 +\|.* 6 times/);
    expect(page).toContain(DATE);
  });

  it("says what the data cannot show, from the data", async () => {
    const text = sectionText(await result());
    expect(text).toContain("There is no mining in it");
    expect(text).toContain("There is no `inference-like` in it");
    expect(text).toContain("`other` is one family of work on one device model only");
    expect(text).toContain("fitted to nothing");
  });

  it("of the project holds the log's rows as they are in the data", () => {
    const page = readFileSync(join(ROOT, "docs/accuracy.md"), "utf8");
    const log = readLog(join(ROOT, "bench/accuracy/log.json"));
    expect(log[0]).toMatchObject({ date: "2026-11-21", model: "physics-1", truthSeconds: 20012 });
    expect(pageText(page, {}, log)).toBe(page);
  });
});
