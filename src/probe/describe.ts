import { AssayError } from "../model/errors.ts";
import type { ProbeDevice } from "./device.ts";
import { LIBRARY_PLACE } from "./device-channel.ts";
import { adapterName } from "./device-process.ts";
import type { AdapterDescription } from "./protocol.ts";
import { adapterHints, readVulkanFacts, type SystemView } from "./vulkan.ts";

/** What `doctor` says of the probe. Only `ready` can calibrate; `unavailable` is normal. */
export interface ProbeDescription {
  status: "ready" | "software" | "unavailable" | "failing";
  /** One sentence, safe to print. */
  detail: string;
  /** What to do for a usable adapter; empty when ready. */
  hints: readonly string[];
  adapter?: AdapterDescription | undefined;
}

/**
 * Opens the adapter in a process of its own, says what it is, and closes it. Never throws an
 * AssayError: what fails is the description.
 * @param open opens a device with software adapters allowed, so that one can be told about.
 */
export async function describeProbe(
  open: () => Promise<ProbeDevice>,
  system: SystemView,
): Promise<ProbeDescription> {
  let device: ProbeDevice;
  try {
    device = await open();
  } catch (error) {
    if (!(error instanceof AssayError)) throw error;
    return describeFailure(error, system);
  }
  const { adapter } = device;
  await device.close();
  const name = adapterName(adapter);
  if (adapter.software) {
    const hints = adapterHints(await readVulkanFacts(system));
    const detail = `only a CPU plays GPU here: ${name}; it is not calibrated as a GPU`;
    return { status: "software", detail, hints, adapter };
  }
  const timing = adapter.timestamps ? "timed by the device" : "timed by the host's clock";
  return { status: "ready", detail: `${name}, ${timing}`, hints: [], adapter };
}

async function describeFailure(error: AssayError, system: SystemView): Promise<ProbeDescription> {
  const status = error.code === "probe/unavailable" ? "unavailable" : "failing";
  const own = error.hint ? [error.hint] : [];
  const noAdapter = status === "unavailable" && error.place !== LIBRARY_PLACE;
  const hints = noAdapter ? adapterHints(await readVulkanFacts(system)) : own;
  return { status, detail: error.message, hints };
}
