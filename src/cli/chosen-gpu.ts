import type { KnownGpu } from "../ledger/contract.ts";
import { AssayError } from "../model/errors.ts";
import { sanitize } from "../model/text.ts";

/**
 * The device that is meant, by index or uuid.
 * @param place for the error
 * @throws AssayError explain/gpu where it is not clear which device is meant
 */
export function gpuOf(
  gpus: readonly KnownGpu[],
  given: string | undefined,
  place: string = "--gpu",
): KnownGpu {
  const found = gpus.filter(
    ({ uuid, index }) => given === undefined || uuid === given || String(index) === given,
  );
  const [only, ...others] = found;
  if (only && others.length === 0) return only;
  const list = (found.length > 0 ? found : gpus)
    .slice(0, 32)
    .map(({ uuid, index, model }) => `${index} ${sanitize(uuid, 60)} (${sanitize(model, 40)})`);
  const message =
    found.length === 0 && given !== undefined
      ? `The ledger knows no GPU ${sanitize(given, 60)}.`
      : `The ledger knows ${found.length} GPUs${given === undefined ? "" : ` of index ${sanitize(given, 60)}`}: which one is meant?`;
  const hint =
    list.length === 0 ? "it holds nothing yet" : `name one with --gpu: ${list.join(", ")}`;
  throw new AssayError("explain/gpu", message, { place, hint });
}
