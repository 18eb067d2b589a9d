/**
 * The integer mixing with which several shaders make data out of numbers: a bijection of 32 bits.
 * `Math.imul` is the 32-bit product that `*` is there.
 */
export function scatter(value: number): number {
  let x = value ^ (value >>> 16);
  x = Math.imul(x, 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}
