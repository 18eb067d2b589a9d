/** A raw recording and what the workloads said → one whole recording of the campaign. */
import { readFileSync, rmSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { gunzipSync, gzipSync } from "node:zlib";
import { RecordingReader } from "../../src/collect/recording/read.ts";
import { Anonymiser, type Secrets } from "./anonymise.ts";
import type { Workload } from "./catalogue.ts";
import { Failed } from "./faults.ts";
import { writeWhole } from "./json-file.ts";
import { type Line, type PartRun, saidLines, truthLines } from "./lines.ts";
import { ofOneDevice, parseLines, pidsOn, type RawLine, sampleTimes, withLines } from "./merge.ts";
import { measuredStretches, type Stretch } from "./stretches.ts";

export interface FinishSettings {
  /** What the recorder wrote, and where the whole recording goes. */
  raw: string;
  target: string;
  gpu: number;
  node: string;
  intervalMs: number;
  isIdentified: boolean;
  workload: Workload;
  parts: readonly PartRun[];
  /** When all parts were warm and none had ended. */
  span: Stretch;
  warmSeconds: number;
}

/** @throws Failed where too little of it was measured, or it is no recording that can be read */
export async function finishRecording(settings: FinishSettings): Promise<void> {
  const { raw, target, gpu, workload, parts, span, intervalMs, warmSeconds } = settings;
  const lines = ofOneDevice(parseLines(gunzipSync(readFileSync(raw)).toString("utf8")), gpu);
  const stretches = measuredStretches(span, sampleTimes(lines, gpu), intervalMs);
  if (stretches.length === 0) throw new Failed("nothing of it was measured for 2 s on end");
  const seenPids = pidsOn(lines, gpu);
  const own = [
    ...saidLines(parts),
    ...truthLines({ gpu, workload, parts, stretches, warmSeconds, seenPids }),
  ];
  const shown = settings.isIdentified ? lines : anonymous(lines, settings);
  writeRecording(raw, withLines(shown, own));
  await checkReadable(raw);
  writeWhole(target, readFileSync(raw));
  rmSync(raw);
}

export function writeRecording(file: string, lines: readonly Line[]): void {
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  writeWhole(file, gzipSync(text, { level: 9 }));
}

function anonymous(
  lines: readonly RawLine[],
  { node, parts }: Pick<FinishSettings, "node" | "parts">,
): RawLine[] {
  const ownPids = new Set(parts.map(({ pid }) => pid));
  const anonymiser = new Anonymiser({ ...secretsOfThisMachine(), node, ownPids }, lines);
  return lines.flatMap((line) => anonymiser.line(line) ?? []);
}

/** Who runs the campaign, and where. */
function secretsOfThisMachine(): Secrets {
  const name = hostname();
  const [short = name] = name.split(".");
  return { users: [userNameOf()], hosts: [name, short] };
}

/** Empty where the user has no entry in the machine's list. */
function userNameOf(): string {
  try {
    return userInfo().username;
  } catch {
    return "";
  }
}

/** What is not read back whole and without a word is no recording. */
async function checkReadable(file: string): Promise<void> {
  const reader = new RecordingReader(file);
  let gpus = 0;
  for await (const batch of reader.batches())
    gpus += batch.filter(({ observation }) => observation.kind === "gpu").length;
  const [warning] = reader.warnings;
  if (warning) throw new Failed(`the recording has ${warning.code} ${warning.subject}`);
  if (gpus === 0) throw new Failed("the recording has no reading of the device");
}
