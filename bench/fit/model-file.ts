/** The evidence model as a file: read, named by its content, compared, written whole. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, realpathSync, renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type EvidenceModel, evidenceModelSchema } from "../../src/classify/evidence-model.ts";
import { AssayError } from "../../src/model/errors.ts";

/** The model that the program loads. */
export const SHIPPED_MODEL = fileURLToPath(
  new URL("../../data/evidence-model.json", import.meta.url),
);

/** @throws AssayError `fit/base` where it cannot be read, is no evidence model or was fitted itself */
export function readBase(file: string): EvidenceModel {
  const model = readModel(file);
  if (!model.fitted) return model;
  throw new AssayError(
    "fit/base",
    `the base model ${model.version} was fitted itself: a fit starts from physics, or it would weigh the same recordings twice`,
    { place: file, hint: "--base FILE names a model that was set from physics" },
  );
}

/** Names the model by its content, so that no two of one name differ. */
export function versioned(model: EvidenceModel): EvidenceModel {
  const { version, ...content } = model;
  const digest = createHash("sha256").update(JSON.stringify(content)).digest("hex").slice(0, 8);
  const suffix = version.endsWith("-simulated") ? "-simulated" : "";
  return { ...model, version: `fitted-${digest}${suffix}` };
}

export const modelText = (model: EvidenceModel): string => `${JSON.stringify(model, null, 2)}\n`;

/** @throws AssayError `fit/differs` */
export function requireSame(model: EvidenceModel, file: string): void {
  const there = readModel(file);
  // Through the schema on both sides: formatting and the order of keys are no difference.
  if (modelText(there) === modelText(evidenceModelSchema.parse(model))) return;
  throw new AssayError(
    "fit/differs",
    `the file holds ${there.version}, and the recordings give ${model.version}`,
    { place: file, hint: "the same command without --check writes it" },
  );
}

/**
 * @throws AssayError `fit/out` where it cannot be written, would overwrite the base, or would put a
 * simulated model where the program loads its own
 */
export function writeModel(model: EvidenceModel, file: string, base: string): void {
  refusePlace(model, file, base);
  try {
    // Nobody reads half a model.
    writeFileSync(`${file}.part`, modelText(model));
    renameSync(`${file}.part`, file);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AssayError("fit/out", `the model cannot be written: ${why}`, { place: file, cause });
  }
}

export function refusePlace(
  model: Pick<EvidenceModel, "version">,
  file: string,
  base: string,
): void {
  const is = (other: string): boolean =>
    existsSync(file) && existsSync(other) && realpathSync(file) === realpathSync(other);
  if (is(base))
    throw new AssayError("fit/out", "that file is the physics that the fit starts from: keep it", {
      place: file,
      hint: "--out another file",
    });
  if (is(SHIPPED_MODEL) && model.version.endsWith("-simulated"))
    throw new AssayError("fit/out", "a model of simulated recordings does not ship", {
      place: file,
      hint: "--out another file",
    });
}

function readModel(file: string): EvidenceModel {
  try {
    return evidenceModelSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (cause) {
    const why = cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : String(cause);
    throw new AssayError("fit/base", `no evidence model can be read: ${why}`, {
      place: file,
      cause,
    });
  }
}
