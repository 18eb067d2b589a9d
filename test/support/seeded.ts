/** Reproducible numbers in [0, 1). */
export { seededRandom as seeded } from "../../src/simulate/random.ts";
