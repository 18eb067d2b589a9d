import type { Command } from "commander";
import { durationMs } from "../config/schema.ts";
import { loadConfig } from "../config/load.ts";
import { defaultStateDir } from "../config/paths.ts";
import { openLedger } from "../ledger/client.ts";
import { AssayError } from "../model/errors.ts";
import { parseOwnerKey } from "../model/owner.ts";
import { sanitize } from "../model/text.ts";
import { explainScene } from "./explain/explain-scene.ts";
import { sceneOfLedger } from "./explain/from-ledger.ts";
import { sceneOfRecording } from "./explain/from-recording.ts";
import { explanationJson } from "./explain/json.ts";
import { pageOf } from "./page.ts";
import type { Scene } from "./explain/scene.ts";
import { explanationText } from "./explain/text.ts";
import { parseGivenTime } from "./explain/time.ts";
import type { CommandIo } from "./io.ts";

const ABOUT = `Explain the label of one window: what was measured, what each measurement
weighed, which rule decided, what was not measured, and what the label does not
prove. In words that whoever is accused by it can check.

Of a recording everything is computed anew; of a ledger, which may be the
running daemon's, only what its slices keep can be told.

  assay explain --recording node7.ndjson.gz --gpu 0 --at +90s
  assay explain --gpu 0 --at 2026-03-01T14:05:00Z --owner user:alice`;

/** Below it the tables would be one word wide. */
const MIN_WIDTH = 60;

interface ExplainOptions {
  recording?: string;
  at?: string;
  gpu?: string;
  owner?: string;
  stateDir?: string;
  config?: string;
  json?: boolean;
  width?: string;
}

export function addExplainCommand(program: Command, io: CommandIo): void {
  program
    .command("explain")
    .summary("Why a window has its label, and how to check it")
    .description(ABOUT)
    .option("--recording <file>", "explain a window of this recording")
    .option(
      "--at <time>",
      "RFC 3339 (UTC), Unix seconds; +90s from a recording's start; -10m or now of a ledger",
    )
    .option("--gpu <index|uuid>", "which device; may be left out where there is one")
    .option("--owner <key>", "this owner's share alone, such as user:alice")
    .option("-c, --config <file>", "configuration (of a ledger)")
    .option("--state-dir <dir>", "where the ledger is")
    .option("--json", "all of it as one JSON object")
    .option("--width <columns>", "of the terminal; 80 where there is none")
    .action(async (options: ExplainOptions) => explain(options, io));
}

async function explain(options: ExplainOptions, io: CommandIo): Promise<void> {
  const page = pageOf(options.width, io.env, MIN_WIDTH);
  checkOwner(options.owner);
  const scene = await sceneOf(options, io);
  if (!scene) {
    io.stderr("stopped: the recording was not read up to the time\n");
    return;
  }
  const explanation = explainScene(scene, options.owner);
  io.stdout(options.json ? explanationJson(explanation) : explanationText(explanation, page));
}

async function sceneOf(options: ExplainOptions, io: CommandIo): Promise<Scene | undefined> {
  const { recording, stateDir, config, gpu } = options;
  if (recording === undefined && gpu === undefined && stateDir === undefined)
    throw usage(
      "neither a recording nor a GPU is named",
      "--recording FILE for a recording, or --gpu for a device of the ledger",
    );
  if (recording !== undefined && (stateDir !== undefined || config !== undefined))
    throw usage(
      "a recording and a ledger cannot be explained at once",
      "leave out --recording, or --state-dir and --config",
    );
  const at = parseGivenTime(options.at);
  if (recording !== undefined) {
    const found = await sceneOfRecording({ file: recording, at, gpu }, io.signal);
    for (const warning of found?.warnings ?? []) io.stderr(`${warning}\n`);
    return found?.scene;
  }
  const windowMs = durationMs(loadConfig(config).windowLength);
  const place = stateDir ?? defaultStateDir(io.env, process.getuid?.() === 0);
  const ledger = await openLedger({ stateDir: place, mode: "read" });
  try {
    return await sceneOfLedger(ledger, { stateDir: place, at, gpu, nowMs: io.nowMs(), windowMs });
  } finally {
    await ledger.close();
  }
}

/** @throws AssayError explain/owner */
function checkOwner(key: string | undefined): void {
  if (key === undefined || parseOwnerKey(key)) return;
  throw new AssayError("explain/owner", `"${sanitize(key, 100)}" is no owner`, {
    place: "--owner",
    hint: "such as user:alice, container:3f2a9c1d5e7b, unattributed or idle",
  });
}

function usage(message: string, hint: string): AssayError {
  return new AssayError("cli/usage", message, { place: "--recording", hint });
}
