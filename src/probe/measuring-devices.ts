import { AssayError } from "../model/errors.ts";
import type { ProbeDevice } from "./device.ts";

/**
 * Two processes on one adapter. Kernels are verified on the one that checks every access, so that
 * one which left its buffers would be a wrong result and not a broken device; they are measured on
 * the other, whose checks are off, because what is measured is the device. An open device that is
 * given nothing to do takes no GPU time, only the memory of its context.
 */
export interface MeasuringDevices {
  readonly checked: ProbeDevice;
  readonly unchecked: ProbeDevice;
  /** Both, whatever comes of either. */
  close(): Promise<void>;
}

/**
 * @throws what `open` throws, and `probe/no-match` where the two got different adapters; then
 * neither process is left
 */
export async function openMeasuringDevices(
  open: (options: { robustness: boolean }) => Promise<ProbeDevice>,
): Promise<MeasuringDevices> {
  const checked = await open({ robustness: true });
  let unchecked: ProbeDevice | undefined;
  const close = async (): Promise<void> => {
    await Promise.all([checked.close(), unchecked?.close()]);
  };
  try {
    unchecked = await open({ robustness: false });
    if (nameOf(unchecked) !== nameOf(checked))
      throw new AssayError("probe/no-match", "two device processes were given different adapters", {
        hint: "show them one GPU only, or name the adapter",
      });
    return { checked, unchecked, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function nameOf({ adapter }: ProbeDevice): string {
  const { vendor, architecture, device, description } = adapter;
  return JSON.stringify([vendor, architecture, device, description]);
}
