import fc from "fast-check";

export const START_MS = 1_700_000_000_000;

/** Finite and without -0, which JSON writes as 0. */
export function number(max: number): fc.Arbitrary<number> {
  return fc.double({ min: 0, max, noNaN: true }).map((value) => value + 0);
}

/** Any text, lone surrogates and control characters too; `__proto__` is nobody's variable. */
export const text = fc.string({ unit: "binary", maxLength: 20 });
export const variable = fc.string({ minLength: 1 }).filter((name) => name !== "__proto__");
