/** A record that is not what the chain, a signature or the arithmetic says. */
export interface Problem {
  table: string;
  /** Its sequence or id; undefined where it is the table as a whole. */
  row?: number | undefined;
  /** The entry of the chain that holds it, or should. */
  entry?: number | undefined;
  /** When that entry was written, by the node's clock: Unix milliseconds. */
  atMs?: number | undefined;
  /** What differs, as a sentence about the record. */
  what: string;
}

/** Ends a verification: what follows a bad record proves nothing. */
export class Tampered extends Error {
  override readonly name = "Tampered";
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.what);
    this.problem = problem;
  }
}
