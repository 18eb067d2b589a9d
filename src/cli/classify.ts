import { basename } from "node:path";
import { sanitize } from "../model/text.ts";
import type { Command } from "commander";
import type { WindowResult } from "../pipeline/events.ts";
import { warningText } from "./format.ts";
import type { CommandIo } from "./io.ts";
import { labelRecording } from "./label-recording.ts";

const ABOUT = `Label the windows of recordings. Nothing is written and no state is touched.

Without --json one readable line a window; with it one JSON object a line:
  {"recording","gpu","from","to","label","confidence","evidence"}
where recording is the file's name without .ndjson or .ndjson.gz, gpu the
device's index, from and to Unix seconds. Lines of truth in a recording are
never read.`;

export function addClassifyCommand(program: Command, io: CommandIo): void {
  program
    .command("classify")
    .summary("Label the windows of recordings")
    .description(ABOUT)
    .argument("<file...>", "recordings, plain or gzip")
    .option("--json", "NDJSON on stdout")
    .action(async (files: string[], options: { json?: boolean }) => {
      for (const file of files) await classifyFile(file, options.json ?? false, io);
    });
}

async function classifyFile(file: string, json: boolean, io: CommandIo): Promise<void> {
  const recording = basename(file).replace(/\.ndjson(\.gz)?$/, "");
  const write = (result: WindowResult): void =>
    io.stdout(json ? jsonLine(recording, result) : textLine(recording, result));
  const warnings = await labelRecording(file, io.signal, write);
  for (const warning of warnings) io.stderr(`${warningText(file, warning)}\n`);
}

function jsonLine(recording: string, result: WindowResult): string {
  const { gpu, window, label, confidence, evidence } = result;
  const line = {
    recording,
    gpu: gpu.index,
    from: window.fromMs / 1000,
    to: window.toMs / 1000,
    label,
    confidence: Number(confidence.toFixed(4)),
    evidence,
  };
  return `${JSON.stringify(line)}\n`;
}

function textLine(recording: string, result: WindowResult): string {
  const { gpu, window, label, confidence, evidence } = result;
  const at = new Date(window.fromMs).toISOString();
  const why = evidence[0]?.text ?? "";
  return `${sanitize(recording)} ${at} gpu${gpu.index} ${label.padEnd(14)} ${confidence.toFixed(2)}  ${why}\n`;
}
