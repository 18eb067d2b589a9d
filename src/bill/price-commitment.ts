import type { GpuPrice } from "./price-types.ts";

const MS_PER_HOUR = 3_600_000n;

/**
 * The prices a commitment makes. What was paid in advance is spread over the GPU-hours of its devices
 * as a price a GPU-hour, in whole billionths: rounded down, and one billionth more over the first part
 * of the commitment, which is just as long as the remainder asks for. So it is a price like any other,
 * each window bears its part, and all GPU-hours of the commitment sum to the amount paid.
 * @param upfront billionths, for `devices` devices from the price's start to its end
 */
export function amortised(
  price: Omit<GpuPrice, "commitment">,
  {
    name,
    upfront,
    devices,
  }: { name: string; upfront?: bigint | undefined; devices?: number | undefined },
): GpuPrice[] {
  if (upfront === undefined || devices === undefined)
    return [{ ...price, commitment: { name, amortisedNanos: 0n } }];
  const deviceMs = BigInt(price.toMs - price.fromMs) * BigInt(devices);
  const perHour = (upfront * MS_PER_HOUR) / deviceMs;
  const rest = upfront * MS_PER_HOUR - perHour * deviceMs;
  const changeMs = price.fromMs + Number(rest / BigInt(devices));
  const commitment = { name, devices, amortisedNanos: perHour };
  const later = { ...price, fromMs: changeMs, commitment };
  if (changeMs === price.fromMs) return [later];
  const first = { ...commitment, amortisedNanos: perHour + 1n };
  return [{ ...price, toMs: changeMs, commitment: first }, later];
}
