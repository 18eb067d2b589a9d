/** SHA-256's compression (FIPS 180-4, 6.2.2): `node:crypto` does not give the state in between. */

const INITIAL = [
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
];

export const BLOCK_BYTES = 64;
const ROUNDS = 64;

/** The eight state words after whole blocks of 64 bytes, without padding. */
export function sha256State(blocks: Uint8Array): Uint32Array {
  const view = new DataView(blocks.buffer, blocks.byteOffset, blocks.byteLength);
  let state = Uint32Array.from(INITIAL);
  for (let at = 0; at + BLOCK_BYTES <= blocks.byteLength; at += BLOCK_BYTES) {
    const mixed = sha256Rounds(state, schedule(view, at));
    state = state.map((word, i) => word + (mixed[i] ?? 0));
  }
  return state;
}

/** The state after the first rounds of a block, one for each of `words`. */
export function sha256Rounds(before: Uint32Array, words: Uint32Array): Uint32Array {
  const constants = roundConstants();
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = before;
  for (const [i, word] of words.entries()) {
    const sigma1 = rotateRight(e, 6) ^ rotateRight(e, 11) ^ rotateRight(e, 25);
    const choice = (e & f) ^ (~e & g);
    const t1 = (h + sigma1 + choice + (constants[i] ?? 0) + word) | 0;
    const sigma0 = rotateRight(a, 2) ^ rotateRight(a, 13) ^ rotateRight(a, 22);
    const majority = (a & b) ^ (a & c) ^ (b & c);
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + sigma0 + majority) | 0];
  }
  return Uint32Array.of(a, b, c, d, e, f, g, h);
}

function schedule(view: DataView, at: number): Uint32Array {
  const w = new Uint32Array(ROUNDS);
  for (let i = 0; i < 16; i++) w[i] = view.getUint32(at + i * 4);
  for (let i = 16; i < ROUNDS; i++) {
    w[i] =
      (w[i - 16] ?? 0) + smallSigma0(w[i - 15] ?? 0) + (w[i - 7] ?? 0) + smallSigma1(w[i - 2] ?? 0);
  }
  return w;
}

export function smallSigma0(x: number): number {
  return rotateRight(x, 7) ^ rotateRight(x, 18) ^ (x >>> 3);
}

export function smallSigma1(x: number): number {
  return rotateRight(x, 17) ^ rotateRight(x, 19) ^ (x >>> 10);
}

function rotateRight(x: number, bits: number): number {
  return (x >>> bits) | (x << (32 - bits));
}

/**
 * The first 32 bits of the fractional parts of the cube roots of the first 64 primes, computed in
 * integers: independent of the shader's table, so a typing error in either shows.
 */
function roundConstants(): Uint32Array {
  const constants: number[] = [];
  for (let candidate = 2; constants.length < ROUNDS; candidate++) {
    if (isPrime(candidate)) constants.push(cubeRootFraction(BigInt(candidate)));
  }
  return Uint32Array.from(constants);
}

function isPrime(value: number): boolean {
  for (let divisor = 2; divisor * divisor <= value; divisor++) {
    if (value % divisor === 0) return false;
  }
  return true;
}

/** floor(cbrt(value) * 2^32) modulo 2^32, by bisection. */
function cubeRootFraction(value: bigint): number {
  const cube = value << 96n;
  let low = 0n;
  let high = 1n << 40n;
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** 3n <= cube) low = middle;
    else high = middle;
  }
  return Number(low & 0xffff_ffffn);
}
