import { stat } from "node:fs/promises";
import { connect } from "node:net";

/** Why nobody can be asked at a path: nothing is there, nobody listens, or this user may not. */
export type SocketState =
  | { status: "listening" }
  | { status: "missing" | "refused" | "denied"; reason: string };

/**
 * Whether somebody listens on a Unix socket, by connecting to it for a moment.
 * @throws Error where that fails in another way, or takes longer than `timeoutMs`
 */
export async function lookAtSocket(path: string, timeoutMs: number): Promise<SocketState> {
  try {
    const found = await stat(path);
    if (!found.isSocket()) return { status: "missing", reason: `${path} is no socket` };
    await tryConnect(path, timeoutMs);
    return { status: "listening" };
  } catch (error) {
    switch (codeOf(error)) {
      case "ENOENT":
      case "ENOTDIR":
        return { status: "missing", reason: `there is no ${path}` };
      case "ECONNREFUSED":
        return { status: "refused", reason: `nobody listens on ${path}` };
      case "EACCES":
      case "EPERM":
        return { status: "denied", reason: `${path} may not be opened by this user` };
      default:
        throw error;
    }
  }
}

async function tryConnect(path: string, timeoutMs: number): Promise<void> {
  const socket = connect(path);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
      const late = new Error(`${path} took no connection within ${timeoutMs} ms`);
      socket.setTimeout(timeoutMs, () => reject(late));
    });
  } finally {
    socket.destroy();
  }
}

export function codeOf(error: unknown): string | undefined {
  const isCoded = error instanceof Error && "code" in error && typeof error.code === "string";
  return isCoded ? String(error.code) : undefined;
}
