const MANTISSA = 2 ** 10;
const LARGEST_EXPONENT = 31;
const BIAS = 15;

/** The value of IEEE 754 binary16 bits. */
export function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & LARGEST_EXPONENT;
  const mantissa = bits & (MANTISSA - 1);
  if (exponent === LARGEST_EXPONENT) return mantissa ? Number.NaN : sign * Infinity;
  if (exponent === 0) return (sign * mantissa * 2 ** (1 - BIAS)) / MANTISSA;
  return sign * (1 + mantissa / MANTISSA) * 2 ** (exponent - BIAS);
}

/** The binary16 bits of a number that has exactly 11 significant bits or fewer, or is 0. */
export function halfBits(value: number): number {
  if (value === 0) return Object.is(value, -0) ? 0x8000 : 0;
  const exponent = Math.floor(Math.log2(Math.abs(value)));
  const mantissa = (Math.abs(value) / 2 ** exponent - 1) * MANTISSA;
  if (!Number.isInteger(mantissa) || exponent < 1 - BIAS || exponent > BIAS)
    throw new RangeError(`${value} is no normal number of f16`);
  return (value < 0 ? 0x8000 : 0) | ((exponent + BIAS) << 10) | mantissa;
}

/** Bytes as values of f16. */
export function asHalves(bytes: Uint8Array): Float64Array {
  const halves = new Uint16Array(new Uint8Array(bytes).buffer);
  return Float64Array.from(halves, halfValue);
}
