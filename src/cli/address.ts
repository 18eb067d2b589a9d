import { AssayError } from "../model/errors.ts";

/** `127.0.0.1:9836`, `[::1]:0`, `:9836` → host and port. @throws AssayError cli/usage */
export function parseAddress(text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65_535)
    throw new AssayError("cli/usage", `"${text}" is no address to listen on`, {
      place: "--listen",
      hint: "HOST:PORT, such as 127.0.0.1:9836; port 0 takes any free one",
    });
  return { host: match[1] ?? (match[2] || "127.0.0.1"), port };
}
