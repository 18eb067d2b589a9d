import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { AssayError } from "../model/errors.ts";
import { type Scenario, scenarioOf } from "../simulate/scenario.ts";
import { parseSpec } from "../simulate/spec-yaml.ts";
import type { CommandIo } from "./io.ts";
import { writeSimulation } from "./simulate/writing.ts";

const ABOUT = `Write a recording of a made-up node: devices from their data sheets, workloads
from what they take of a device, and the sensors' own ways on top.

Every such recording says that it is simulated, in its header and in all that is
made of it. It is for tests, demonstrations and stress, and says nothing about
how well real work is labelled. docs/simulator.md has the specification.

  assay simulate data/simulate/serving.yaml --out serving.ndjson.gz
  assay simulate node.yaml --seed 7 --out node.ndjson
  assay inspect node.ndjson`;

interface SimulateOptions {
  out: string;
  force?: boolean;
  seed?: string;
}

export function addSimulateCommand(program: Command, io: CommandIo): void {
  program
    .command("simulate")
    .summary("Write a recording of a made-up node, marked simulated")
    .description(ABOUT)
    .argument("<spec>", "specification in YAML")
    .requiredOption("--out <file>", "gzip where the name ends in .gz; - for stdout")
    .option("--force", "overwrite an existing file")
    .option("--seed <number>", "instead of the specification's")
    .action(async (spec: string, options: SimulateOptions) => simulateSpec(spec, options, io));
}

async function simulateSpec(
  file: string,
  { out, force, seed }: SimulateOptions,
  io: CommandIo,
): Promise<void> {
  if (out.trim() === "" || resolve(out) === resolve(file))
    throw new AssayError("cli/usage", "that is no file to write a recording to", {
      place: "--out",
      hint: "name another file than the specification, or - for stdout",
    });
  const scenario = readScenario(file, seed === undefined ? undefined : seedOf(seed));
  const { lines, seconds, ended } = await writeSimulation(scenario, {
    file: out,
    force: force ?? false,
    signal: io.signal,
  });
  const devices = scenario.gpus.length === 1 ? "1 GPU" : `${scenario.gpus.length} GPUs`;
  io.stderr(
    `SIMULATED: ${lines} lines, ${devices}, ${seconds} s written to ${out}${ended ? "" : "; stopped early"}\n`,
  );
}

/** @throws AssayError simulate/* */
function readScenario(file: string, seed: number | undefined): Scenario {
  return scenarioOf(parseSpec(readText(file), file), seed);
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new AssayError("simulate/not-found", "the specification cannot be read", {
      place: file,
      hint: "data/simulate has examples; docs/simulator.md has every setting",
      cause,
    });
  }
}

/** @throws AssayError `cli/usage` */
function seedOf(text: string): number {
  const seed = Number(text);
  if (/^\d+$/.test(text) && seed <= 0xffffffff) return seed;
  throw new AssayError("cli/usage", `"${text}" is no seed`, {
    place: "--seed",
    hint: "a whole number from 0 to 4294967295",
  });
}
