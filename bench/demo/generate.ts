/*
 * Makes the demonstration's recording: a made-up node whose two GPUs live through a story (see
 * story.yaml). `npx tsx bench/demo/generate.ts` writes `data/demo-simulated.ndjson.gz` anew; the same
 * seed gives the same lines on every machine. It is simulated, says so in its header, and proves
 * nothing about real devices: the lines of truth that a simulation has are left out of it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { headerLineOf, lineOf } from "../../src/collect/recording/serialize.ts";
import { scenarioOf } from "../../src/simulate/scenario.ts";
import { simulate, type SimulatedLine } from "../../src/simulate/simulate.ts";
import { parseSpec } from "../../src/simulate/spec-yaml.ts";

const STORY = fileURLToPath(new URL("story.yaml", import.meta.url));
const story = parseSpec(readFileSync(STORY, "utf8"), STORY);

export const DEMO_SEED = story.spec.node.seed;
/** Monday, 5 January 2026, 09:00 UTC: a whole hour, so the first window is a whole one. */
export const DEMO_START_MS = story.spec.node.start;
export const DEMO_FILE = new URL("../../data/demo-simulated.ndjson.gz", import.meta.url);

/** The lines of the demonstration's recording, without line ends. */
export function demoLines(seed: number): string[] {
  return [...simulate(scenarioOf(story, seed))].flat().flatMap((line) => textOf(line) ?? []);
}

function textOf(line: SimulatedLine): string | undefined {
  if (line.kind === "truth" || line.kind === "phase") return undefined;
  return line.kind === "node" ? headerLineOf(line) : lineOf(line);
}

function main(): void {
  const text = `${demoLines(DEMO_SEED).join("\n")}\n`;
  writeFileSync(DEMO_FILE, gzipSync(text, { level: 9 }));
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  main();
