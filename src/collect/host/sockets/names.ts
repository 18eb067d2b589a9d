import ipaddr from "ipaddr.js";

/** Pure: names of addresses, from what the host has already. Nothing is ever looked up. */

const MAX_NAME_LENGTH = 253;
const NAME =
  /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*\.?$/i;
const MAX_NAMES = 10_000;

/**
 * A hosts file: by address, the first name it gives. Not of the machine itself: lists of blocked names send
 * them all there.
 */
export function parseHosts(text: string): Map<string, string> {
  const names = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [address = "", name = ""] = (line.split("#", 1)[0] ?? "").trim().split(/\s+/);
    const normal = addressOf(address);
    if (normal === undefined || isHere(normal) || !NAME.test(name)) continue;
    if (!names.has(normal)) names.set(normal, name);
    if (names.size >= MAX_NAMES) break;
  }
  return names;
}

function isHere(address: string): boolean {
  const range = ipaddr.parse(address).range();
  return range === "loopback" || range === "unspecified";
}

/** The address in one spelling, an IPv4 one within IPv6 as itself; undefined where it is none. */
function addressOf(text: string): string | undefined {
  if (text.length > 64 || !ipaddr.isValid(text) || /^\d+$/.test(text)) return undefined;
  const address = ipaddr.process(text);
  return address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString();
}

/** A place that an argument names: `pool.example:3333`, `stratum+tcp://pool.example:3333/x`. */
export interface NamedPlace {
  host: string;
  port: number;
  isAddress: boolean;
}

const PLACE = /(?:^|[/@=,\s])(\[[0-9a-f:.]+\]|[a-z0-9_][a-z0-9_.-]*):(\d{1,5})(?![\d.:])/gi;

/** The places with a port that arguments name, `host port` in two arguments too. */
export function placesIn(argv: readonly string[]): NamedPlace[] {
  const places: NamedPlace[] = [];
  for (const [index, argument] of argv.entries()) {
    for (const [, host = "", port = ""] of argument.matchAll(PLACE)) add(host, port);
    const next = argv[index + 1];
    if (next !== undefined && /^\d{1,5}$/.test(next) && argument.includes(".")) add(argument, next);
  }
  return places;

  function add(text: string, digits: string): void {
    const port = Number(digits);
    const host = text.replace(/^\[|\]$/g, "");
    const address = addressOf(host);
    if (port === 0 || port > 65_535) return;
    if (address !== undefined) places.push({ host: address, port, isAddress: true });
    else if (host.length <= MAX_NAME_LENGTH && NAME.test(host) && /[a-z]/i.test(host))
      places.push({ host, port, isAddress: false });
  }
}

/**
 * The name under which a process was told of the other side, by its arguments; undefined where that is
 * not clear: several names with the port, several other sides on it, or the address itself was named.
 * @param others addresses of all that the process is connected to on that port
 */
export function nameFromArguments(
  places: readonly NamedPlace[],
  address: string,
  port: number,
  others: ReadonlySet<string>,
): string | undefined {
  const fitting = places.filter((place) => place.port === port);
  const addresses = new Set(fitting.flatMap(({ host, isAddress }) => (isAddress ? [host] : [])));
  if (addresses.has(address)) return undefined;
  const names = new Set(fitting.flatMap(({ host, isAddress }) => (isAddress ? [] : [host])));
  const unnamed = [...others].filter((other) => !addresses.has(other));
  const [name] = names;
  return names.size === 1 && unnamed.length === 1 ? name : undefined;
}
