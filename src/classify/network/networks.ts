import ipaddr from "ipaddr.js";

export type Reach = "loopback" | "internal" | "public" | "none";

type Parsed = ipaddr.IPv4 | ipaddr.IPv6;

/** Longest text of an address. */
const MAX_LENGTH = 64;

/** Ranges that are no place to go to. */
const NOWHERE: ReadonlySet<string> = new Set(["unspecified", "broadcast", "multicast"]);
const INTERNAL: ReadonlySet<string> = new Set([
  "private",
  "uniqueLocal",
  "carrierGradeNat",
  "linkLocal",
]);

/** An address of either version; one that is written as the other (`::ffff:10.0.0.1`) as what it is. */
export function parseAddress(text: string): Parsed | undefined {
  const bare = text.slice(0, MAX_LENGTH).replace(/%.*$/, "");
  if (!ipaddr.isValid(bare)) return undefined;
  return ipaddr.process(bare);
}

/** How far away an address is. */
export function reachOf(text: string): Reach {
  const address = parseAddress(text);
  if (!address) return "none";
  const range = address.range();
  if (range === "loopback") return "loopback";
  if (NOWHERE.has(range)) return "none";
  return INTERNAL.has(range) ? "internal" : "public";
}

export type Network = [Parsed, number];

/** `10.0.0.0/8`, or one address; undefined for anything else. */
export function parseNetwork(text: string): Network | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  // The library also reads `1.2.3` and plain numbers as addresses: nobody who writes them means that.
  const [place = ""] = text.split("/", 1);
  if (!place.includes(":") && !ipaddr.IPv4.isValidFourPartDecimal(place)) return undefined;
  if (ipaddr.isValidCIDR(text)) return ipaddr.parseCIDR(text);
  const address = parseAddress(text);
  return address && [address, address.kind() === "ipv4" ? 32 : 128];
}

export function isWithin(text: string, [network, bits]: Network): boolean {
  const address = parseAddress(text);
  if (!address) return false;
  if (address instanceof ipaddr.IPv4)
    return network instanceof ipaddr.IPv4 && address.match(network, bits);
  return network instanceof ipaddr.IPv6 && address.match(network, bits);
}
