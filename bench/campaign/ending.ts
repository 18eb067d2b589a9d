/** What is told at the end of a call: table, expectations, files. */
import { readdirSync, statSync } from "node:fs";
import { modelName } from "./campaign.ts";
import type { Workload } from "./catalogue.ts";
import type { Device } from "./device.ts";
import { verdicts, verdictText } from "./expectations.ts";
import type { OutFolder } from "./folder.ts";
import { writeJson } from "./json-file.ts";
import { bytesOf, keep, type Keeping } from "./keep.ts";
import type { Options } from "./options.ts";
import { packFiles } from "./pack.ts";
import { type Row, rowOf } from "./summary.ts";
import { table } from "./table.ts";

export interface EndingSettings {
  options: Options;
  /** All of the catalogue, in order of worth. */
  catalogue: readonly Workload[];
  device: Device;
  failures: ReadonlyMap<string, string>;
  print: (text: string) => void;
}

export async function tellEnd(folder: OutFolder, settings: EndingSettings): Promise<void> {
  const { options, catalogue, failures, print } = settings;
  const recorded = catalogue.filter(({ name }) => folder.has(folder.recording(name)));
  const rows = recorded.flatMap(({ name }): readonly Row[] => {
    const row = rowOf(folder.recording(name));
    return row ? [row] : [];
  });
  const told = verdicts(rows);
  writeJson(folder.file("summary.json"), {
    version: 1,
    rows,
    expectations: told,
    failures: Object.fromEntries(failures),
    refused: folder.refused,
  });
  print(`\n${table(rows)}\n${verdictText(told)}`);
  for (const [name, why] of failures) print(`failed: ${name}: ${why}\n`);
  const keeping = keepingsOf(folder, recorded, settings.device);
  const bytes = keeping.reduce((sum, each) => sum + bytesOf(each), 0);
  print(`${rows.length} recordings; bench/recordings/ would grow by ${bytes} bytes\n`);
  if (options.keep !== undefined) print(keep(options.keep, keeping));
  if (options.pack) {
    const target = folder.file("campaign.tar");
    await packFiles(folder.path, packedNames(folder), target);
    print(`${target}: ${statSync(target).size} bytes\n`);
  }
}

/** The device is in the name, so that campaigns of several devices can lie side by side. */
function keepingsOf(folder: OutFolder, recorded: readonly Workload[], device: Device): Keeping[] {
  const stem = modelName(device);
  const named = (file: string, name: string): Keeping =>
    folder.has(file) ? [{ file, name: `${stem}.${name}` }] : [];
  const calibration = named(folder.file("calibration.json"), "calibration.json");
  const recordings = recorded.map(({ name, parts }) => [
    ...named(folder.recording(name), `${name}.ndjson.gz`),
    ...parts.flatMap((_, index) =>
      named(
        folder.launches(name, index),
        `${name}${index === 0 ? "" : `.${index}`}.launches.ndjson.gz`,
      ),
    ),
  ]);
  return [calibration, ...recordings].filter((each) => each.length > 0);
}

/** Everything that is whole, but for what belongs to this folder alone. */
function packedNames(folder: OutFolder): string[] {
  return readdirSync(folder.path)
    .filter((name) => /\.(ndjson\.gz|json)$/.test(name))
    .sort();
}
