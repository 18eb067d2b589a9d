/** A stream of numbers in [0, 1) that is the same for the same seed on every machine. */
export type Random = () => number;

/** Weyl sequence with a multiply-xorshift finisher: short, and good enough for noise. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    return finished(state) / 2 ** 32;
  };
}

/** The stream of one part of a simulation: a part that is added or taken away moves no other. */
export function streamOf(seed: number, ...names: readonly (string | number)[]): Random {
  return seededRandom(hashOf(`${seed}/${names.join("/")}`));
}

/** 32 bits of a text (FNV-1a, then mixed). */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const char of text) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return finished(hash >>> 0);
}

/** About normal, mean 0 and deviation 1, never beyond 3.5: only sums, so no `Math.log` matters. */
export function bell(random: Random): number {
  return (random() + random() + random() + random() - 2) * Math.sqrt(3);
}

/** Exponential with mean 1, by comparisons alone (von Neumann, 1951): the same on every machine. */
export function exponential(random: Random): number {
  for (let whole = 0; ; whole += 1) {
    const first = random();
    let [last, run] = [first, 1];
    for (;;) {
      const next = random();
      if (next >= last) break;
      last = next;
      run += 1;
    }
    if (run % 2 === 1) return whole + first;
  }
}

function finished(state: number): number {
  let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
