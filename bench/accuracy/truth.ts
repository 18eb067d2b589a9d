import { readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { openBytes } from "../../src/collect/recording/bytes.ts";
import { lineBlocks } from "../../src/collect/recording/lines.ts";
import { malformed } from "../../src/collect/recording/place.ts";
import { AssayError } from "../../src/model/errors.ts";
import { LABELS } from "../../src/model/label.ts";
import { sanitize } from "../../src/model/text.ts";

const MAX_LINE_BYTES = 16 * 1024 * 1024;

const truthLine = z
  .object({
    kind: z.literal("truth"),
    gpu: z.number(),
    /** Unix seconds. */
    from: z.number(),
    to: z.number(),
    label: z.enum(LABELS),
    /** Several things ran at once; `label` is the rogue one, if there is one. */
    labels: z.array(z.enum(LABELS)).nullish(),
    family: z.string().nullish(),
    /** The line speaks of this process alone. */
    pid: z.number().nullish(),
  })
  .refine(({ from, to }) => to >= from, { error: "a truth ends before it begins" })
  .transform(({ labels, family, pid, ...line }) => ({
    ...line,
    labels: labels ?? undefined,
    // It ends in tables and in files: a name, whatever somebody wrote there.
    family: family == null ? undefined : sanitize(family, 80).replaceAll(/[|<>`]/g, "_"),
    pid: pid ?? undefined,
  }));

export type Truth = z.infer<typeof truthLine>;

/** Everything a recording says was true: of its devices, and of single processes on them. */
export interface Truths {
  devices: Truth[];
  /** Beside the devices' own lines: never count both. */
  processes: Truth[];
}

/** @throws AssayError `cli/usage` for no directory, or one without recordings */
export function recordingsIn(directory: string): string[] {
  const names = recordingNames(directory);
  if (names.length === 0)
    throw new AssayError("cli/usage", "the directory holds no recording", {
      place: directory,
      hint: "recordings end in .ndjson or .ndjson.gz",
    });
  return names.map((name) => join(directory, name));
}

/** The truth about devices in a recording; lines about single processes are not counted twice. */
export async function truthOf(file: string): Promise<Truth[]> {
  return (await truthsOf(file)).devices;
}

/**
 * A truth line that is left out would flatter as well as a label that is, so none is passed over in
 * silence; only the line that a recording breaks off in is lost.
 * @throws AssayError `recording/…` as the reader does, and for a truth line that is none
 */
export async function truthsOf(file: string): Promise<Truths> {
  const found: Truths = { devices: [], processes: [] };
  const { chunks } = await openBytes(file);
  let line = 0;
  const tooLong = (): never => {
    throw malformed({ file, line: line + 1 }, "a line is too long");
  };
  for await (const { text, terminated } of lineBlocks(chunks, MAX_LINE_BYTES, tooLong)) {
    for (const each of text.replace(/\n$/, "").split("\n")) {
      line += 1;
      const truth = each.includes('"truth"') && truthIn(each, { file, line }, terminated);
      if (truth) (truth.pid === undefined ? found.devices : found.processes).push(truth);
    }
  }
  return found;
}

function truthIn(
  text: string,
  at: { file: string; line: number },
  terminated: boolean,
): Truth | undefined {
  const raw = parsed(text);
  if (raw === undefined && !terminated) return undefined;
  if (!z.object({ kind: z.literal("truth") }).safeParse(raw).success) return undefined;
  const truth = truthLine.safeParse(raw);
  if (truth.success) return truth.data;
  throw malformed(at, `a truth line that cannot be scored: ${z.prettifyError(truth.error)}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @throws AssayError `cli/usage` where the directory cannot be read */
export function recordingNames(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => /\.ndjson(\.gz)?$/.test(name))
      .sort();
  } catch (cause) {
    throw new AssayError("cli/usage", "the directory cannot be read", {
      place: directory,
      hint: "name a directory of recordings",
      cause,
    });
  }
}
