/** What a command may touch of its process, so that tests can run it in their own. */
export interface CommandIo {
  /** Machine output and reports only. */
  stdout: (text: string) => void;
  /** The same for results that are no text; absent where nobody could take them. */
  stdoutBytes?: (bytes: Uint8Array) => void;
  /** Whether stdout is read by eye. */
  isTerminal?: boolean;
  /** Progress, notices and errors. */
  stderr: (text: string) => void;
  env: Readonly<Record<string, string | undefined>>;
  /** Aborted when the user or the service manager asks to stop. */
  signal: AbortSignal;
  nowMs: () => number;
}
