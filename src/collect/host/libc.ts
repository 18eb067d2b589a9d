import koffi from "koffi";

/** The few system calls that Node has no word for, or a dear one. All of them return at once, or after a set time. */
export interface LibC {
  socket(domain: number, type: number, protocol: number): number;
  send(socket: number, bytes: Uint8Array): number;
  recv(socket: number, into: Uint8Array): number;
  setReceiveTimeout(socket: number, ms: number): boolean;
  close(descriptor: number): void;
  /** Of a name in an open folder, for half of what the way to it from the root costs. @returns its length */
  readLink(folder: number, name: string, into: Uint8Array): number;
  /** @returns whether this thread is in that namespace now */
  enterNetwork(descriptor: number): boolean;
}

const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const CLONE_NEWNET = 0x4000_0000;

let loaded: LibC | undefined | "missing";

/** What the process is linked with; undefined where it has no such calls. */
export function libC(): LibC | undefined {
  loaded ??= load() ?? "missing";
  return loaded === "missing" ? undefined : loaded;
}

function load(): LibC | undefined {
  try {
    const self = koffi.load(null);
    const socket = self.func("int socket(int, int, int)");
    const send = self.func("int64 send(int, const void *, size_t, int)");
    const recv = self.func("int64 recv(int, void *, size_t, int)");
    const setsockopt = self.func("int setsockopt(int, int, int, const void *, uint32)");
    const close = self.func("int close(int)");
    const readlinkat = self.func("int64 readlinkat(int, str, void *, size_t)");
    const setns = self.func("int setns(int, int)");
    return {
      socket: (domain, type, protocol) => Number(socket(domain, type, protocol)),
      send: (descriptor, bytes) => Number(send(descriptor, bytes, bytes.length, 0)),
      recv: (descriptor, into) => Number(recv(descriptor, into, into.length, 0)),
      setReceiveTimeout: (descriptor, ms) => {
        const time = new BigInt64Array([BigInt(Math.floor(ms / 1000)), BigInt(ms % 1000) * 1000n]);
        const bytes = new Uint8Array(time.buffer);
        return Number(setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, bytes, bytes.length)) === 0;
      },
      close: (descriptor) => void close(descriptor),
      readLink: (folder, name, into) => Number(readlinkat(folder, name, into, into.length)),
      enterNetwork: (descriptor) => Number(setns(descriptor, CLONE_NEWNET)) === 0,
    };
  } catch {
    return undefined;
  }
}
