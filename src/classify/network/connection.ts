/** A connection as a row of scans saw it. Names and addresses are bounded, otherwise as they came. */
export interface Connection {
  pid: number;
  protocol: string;
  remoteAddress: string;
  remotePort: number;
  /** Only where the host knew it already. */
  remoteName?: string | undefined;
  /** Unix milliseconds of the first and of the last scan that had it. */
  firstMs: number;
  lastMs: number;
  /** The newest scan still had it. */
  isOpen: boolean;
  /** It was seen answered at least once. */
  wasEstablished: boolean;
  /** Different local ports: how often it was opened anew. */
  attempts: number;
  /** Both ways together, of the newest of them; absent where the kernel does not tell. */
  bytes?: number | undefined;
  /** The greatest step of `bytes` from one scan to the next. */
  greatestStepBytes?: number | undefined;
}

/** Seconds that a connection was seen for. */
export function ageSeconds({ firstMs, lastMs }: Connection): number {
  return Math.max(0, lastMs - firstMs) / 1000;
}
