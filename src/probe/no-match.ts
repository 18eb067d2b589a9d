import { AssayError } from "../model/errors.ts";

const HINT =
  "nothing was measured; try on an idle GPU, with a collector that reads its memory (see: assay doctor), or show the process one GPU only";

export function noMatch(message: string, hint: string = HINT): AssayError {
  return new AssayError("probe/no-match", message, { hint });
}

/** What a device refuses to hold, it cannot be recognised by. */
export async function refusedIsNoMatch<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof AssayError) || error.code !== "probe/refused") throw error;
    throw noMatch(`the device refused the memory that it would be recognised by: ${error.message}`);
  }
}
