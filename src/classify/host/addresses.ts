/** An address in an argument: `stratum+tcp://user@pool.example:3333`, or just `pool.example:3333`. */
export interface Address {
  /** Lower case, without `://`; absent where none is given. */
  scheme?: string | undefined;
  user?: string | undefined;
  host: string;
  port?: number | undefined;
}

const SCHEME_CHARACTER = /[a-z0-9+.-]/i;
const MAX_SCHEME_LENGTH = 40;
/** What ends an address inside a longer text. */
const END = /[\s/?#"'`,;|<>()\\]/;
const HOST = /^(?:\[[0-9a-f:.]{2,45}\]|[a-z0-9](?:[a-z0-9._-]{0,252}))$/i;
const BARE = /^[^\s/=]{1,255}$/;
/** More addresses than these in one argument are a list. */
const MAX_IN_ONE = 8;

/** Every address in a text: one pass over it, whatever it holds. */
export function addressesIn(text: string): Address[] {
  const plain = text.includes(String.raw`\/`) ? text.replaceAll(String.raw`\/`, "/") : text;
  if (!plain.includes("://")) return bareAddress(plain);
  const found: Address[] = [];
  let at = plain.indexOf("://");
  while (at >= 0 && found.length < MAX_IN_ONE) {
    const scheme = schemeBefore(plain, at);
    const rest = plain.slice(at + 3, at + 3 + 400);
    const length = rest.search(END);
    const address = authority(length < 0 ? rest : rest.slice(0, length));
    if (scheme !== "" && address) found.push({ scheme, ...address });
    at = plain.indexOf("://", at + 3);
  }
  return found;
}

function schemeBefore(text: string, at: number): string {
  let from = at;
  while (from > 0 && at - from < MAX_SCHEME_LENGTH && SCHEME_CHARACTER.test(text.charAt(from - 1)))
    from -= 1;
  return text.slice(from, at).toLowerCase();
}

/** `host`, `host:port` or `--option=host:port` without a scheme; a path or a sentence is none. */
function bareAddress(text: string): Address[] {
  const value = text.startsWith("-") ? text.slice(text.indexOf("=") + 1) : text;
  if (value.startsWith("-") || !BARE.test(value)) return [];
  const address = authority(value);
  return address && (address.port !== undefined || address.host.includes(".")) ? [address] : [];
}

function authority(text: string): Address | undefined {
  const at = text.lastIndexOf("@");
  const user = at < 0 ? undefined : text.slice(0, at);
  const place = text.slice(at + 1);
  const colon = /:(\d{1,5})$/.exec(place);
  const host = colon ? place.slice(0, colon.index) : place;
  if (!HOST.test(host)) return undefined;
  const port = colon ? Number(colon[1]) : undefined;
  if (port !== undefined && (port === 0 || port > 65_535)) return undefined;
  return { user, host: host.replaceAll(/[[\]]/g, "").toLowerCase(), port };
}
