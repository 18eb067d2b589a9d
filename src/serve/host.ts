import { isIPv4, isIPv6 } from "node:net";

/** True for the addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, "$1").toLowerCase();
  if (bare === "localhost" || bare === "::1" || bare === "0:0:0:0:0:0:0:1") return true;
  if (isIPv4(bare)) return bare.startsWith("127.");
  return isIPv6(bare) && bare.startsWith("::ffff:127.");
}

/**
 * True where a Host header names this machine's loopback. A page of another site that had its name
 * resolved to 127.0.0.1 (DNS rebinding) still sends its own name.
 */
export function namesLoopback(header: string | undefined): boolean {
  const match = /^(\[[0-9A-Fa-f:.]+\]|[^:[\]\s/]+)(?::\d{1,5})?$/.exec(header ?? "");
  return match?.[1] !== undefined && isLoopback(match[1]);
}
