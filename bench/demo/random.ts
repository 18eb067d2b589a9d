/** A stream of numbers in [0, 1) that is the same for the same seed on every machine. */
export type Random = () => number;

/** Weyl sequence with a multiply-xorshift finisher: short, and good enough for noise. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** About normal, mean 0 and deviation 1: only sums, so that no machine's `Math.log` matters. */
export function bell(random: Random): number {
  return (random() + random() + random() + random() - 2) * Math.sqrt(3);
}
