import type { ProbeDevice } from "../../src/probe/device.ts";
import { openDevice } from "../../src/probe/device-process.ts";
import { builtUrl } from "./built.ts";
import { softwareAdapter } from "./software-adapter.ts";

/** A device on the software adapter; by default with the checks of every access. */
export async function softwareDevice(robustness = true): Promise<ProbeDevice> {
  const { environment } = await softwareAdapter();
  const childUrl = builtUrl("probe/child.js");
  return openDevice({ allowSoftware: true, environment, childUrl, robustness });
}

/** The text with a defect, or another change. @throws where the text to change is gone */
export function changed(code: string, from: string, to: string): string {
  if (!code.includes(from)) throw new Error(`the shader has no "${from}"`);
  return code.replaceAll(from, to);
}
