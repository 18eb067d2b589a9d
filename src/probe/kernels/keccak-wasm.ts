/**
 * Keccak-f[1600] on the CPU, as a WebAssembly module put together here: its 64-bit integers make
 * it about ten times as fast as 32-bit JavaScript, and a light cache of Ethash takes a million
 * permutations one after the other.
 */

const LANES = 25;
const ROUNDS = 24;
/** Of the state and of the round constants in the module's memory, in bytes. */
const STATE_AT = 0;
const CONSTANTS_AT = 256;

export interface KeccakState {
  /** 50 words: the 25 lanes, low word first, which is the byte order of a message. */
  readonly words: Uint32Array;
  /** One Keccak-f[1600] of `words`. */
  permute(): void;
}

/** What of WebAssembly is used: the types of Node name it without its values. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  Instance: new (module: object) => {
    exports: { memory: { buffer: ArrayBuffer }; permute: () => void };
  };
};

/** A state of its own, all zeros. */
export function keccakState(): KeccakState {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes()));
  const { memory, permute } = exports;
  new BigUint64Array(memory.buffer, CONSTANTS_AT, ROUNDS).set(roundConstants());
  return {
    words: new Uint32Array(memory.buffer, STATE_AT, LANES * 2),
    permute,
  };
}

/** FIPS 202, algorithm 5: bits of a linear feedback shift register at places 2^j - 1. */
function roundConstants(): bigint[] {
  let register = 1;
  return Array.from({ length: ROUNDS }, () => {
    let constant = 0n;
    for (let j = 0; j < 7; j++) {
      if (register & 1) constant |= 1n << ((1n << BigInt(j)) - 1n);
      register = (register << 1) ^ (register & 0x80 ? 0x171 : 0);
    }
    return constant;
  });
}

/** FIPS 202, algorithm 2: how far each lane is rotated; lane (x, y) is number x + 5 * y. */
function rotations(): number[] {
  const bits = Array.from({ length: LANES }, () => 0);
  let [x, y] = [1, 0];
  for (let t = 0; t < ROUNDS; t++) {
    bits[x + 5 * y] = (((t + 1) * (t + 2)) / 2) % 64;
    [x, y] = [y, (2 * x + 3 * y) % 5];
  }
  return bits;
}

// The instructions used, by their codes in the WebAssembly specification, section 5.4.
const get = (local: number): number[] => [0x20, local];
const set = (local: number): number[] => [0x21, local];
const load = (at: number): number[] => [0x29, 3, ...leb(at)];
const store = (at: number): number[] => [0x37, 3, ...leb(at)];
const i32 = (value: number): number[] => [0x41, ...leb(value)];
const ONE = [0x42, 1];
const ALL_ONES = [0x42, 0x7f];
const ADD = 0x6a;
const NOT_ABOVE = 0x4d;
const LOOP = [0x03, 0x40];
const REPEAT_IF = [0x0d, 0];
const END = 0x0b;
const XOR = 0x85;
const AND = 0x83;
const ROTATE_LEFT = 0x89;

// Locals: the lanes, the columns' parities, the lanes that moved, one column's change, the offset
// of the round's constant.
const PARITY = LANES;
const MOVED = PARITY + 5;
const CHANGE = MOVED + LANES;
const OFFSET = CHANGE + 1;

function permuteBody(): number[] {
  const lanes = [...Array(LANES).keys()];
  const read = lanes.flatMap((lane) => [...i32(0), ...load(STATE_AT + 8 * lane), ...set(lane)]);
  const write = lanes.flatMap((lane) => [...i32(0), ...get(lane), ...store(STATE_AT + 8 * lane)]);
  const next = [...get(OFFSET), ...i32(8), ADD, ...set(OFFSET)];
  const isLeft = [...get(OFFSET), ...i32(8 * ROUNDS - 1), NOT_ABOVE];
  return [...read, ...LOOP, ...roundBody(), ...next, ...isLeft, ...REPEAT_IF, END, ...write, END];
}

function roundBody(): number[] {
  const code: number[] = [];
  const columns = [0, 1, 2, 3, 4];
  for (const x of columns) {
    code.push(...get(x));
    for (const y of [1, 2, 3, 4]) code.push(...get(x + 5 * y), XOR);
    code.push(...set(PARITY + x));
  }
  const bits = rotations();
  for (const x of columns) {
    code.push(...get(PARITY + ((x + 1) % 5)), ...ONE, ROTATE_LEFT);
    code.push(...get(PARITY + ((x + 4) % 5)), XOR, ...set(CHANGE));
    for (const y of columns) {
      const lane = x + 5 * y;
      const moved = y + 5 * ((2 * x + 3 * y) % 5);
      code.push(...get(lane), ...get(CHANGE), XOR);
      code.push(0x42, ...signedLeb(bits[lane] ?? 0), ROTATE_LEFT, ...set(MOVED + moved));
    }
  }
  for (const y of columns) {
    for (const x of columns) {
      const at = (step: number): number[] => get(MOVED + 5 * y + ((x + step) % 5));
      code.push(...at(0), ...at(1), ...ALL_ONES, XOR, ...at(2), AND, XOR, ...set(x + 5 * y));
    }
  }
  return [...code, ...get(0), ...get(OFFSET), ...load(CONSTANTS_AT), XOR, ...set(0)];
}

/** The word asm after a zero byte, and version 1. */
const MAGIC = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

function moduleBytes(): Uint8Array<ArrayBuffer> {
  const name = (text: string): number[] => [text.length, ...Buffer.from(text)];
  const section = (id: number, body: number[]): number[] => [id, ...leb(body.length), ...body];
  const locals = [2, ...leb(OFFSET), 0x7e, 1, 0x7f];
  const body = [...locals, ...permuteBody()];
  return Uint8Array.from([
    ...MAGIC,
    ...section(1, [1, 0x60, 0, 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, 1]),
    ...section(7, [2, ...name("memory"), 2, 0, ...name("permute"), 0, 0]),
    ...section(10, [1, ...leb(body.length), ...body]),
  ]);
}

function leb(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >>> 7)];
}

/** Of a value from 0 to 8191: a set bit 6 in the last byte would mean "negative". */
function signedLeb(value: number): number[] {
  return value < 0x40 ? [value] : [(value & 0x7f) | 0x80, value >>> 7];
}
