import type { Lists } from "./lists.ts";

const HEX = /^0x[0-9a-f]{40}$/i;
/** Bitcoin's alphabet of base 58: no 0, O, I and l. A Monero address begins with a 4, or an 8. */
const MONERO = /^[48][1-9A-HJ-NP-Za-km-z]{94}$/;
const INTEGRATED_MONERO = /^4[1-9A-HJ-NP-Za-km-z]{105}$/;
/** After the 1 of Bech32: neither 1, b, i nor o. Of Bitcoin 39 or 59; others are of other lengths. */
const BECH32 = /^([a-z]{2,10})1([02-9ac-hj-np-z]{38,90})$/;
const BITCOIN_LENGTHS: ReadonlySet<number> = new Set([39, 59]);
/** A miner may add its worker's name, a difficulty or a mail address. */
const WORKER = /[./+:]/;
const MAX_LENGTH = 256;

/**
 * A value in the form of a wallet, shortened to be shown; undefined where it has none. Commit ids,
 * digests and names of users have none of these forms.
 */
export function walletIn(value: string, lists: Lists): string | undefined {
  if (value.length > MAX_LENGTH) return undefined;
  const end = value.search(WORKER);
  const wallet = end < 0 ? value : value.slice(0, end);
  return isWallet(wallet, lists) ? `${wallet.slice(0, 6)}…${wallet.slice(-4)}` : undefined;
}

function isWallet(text: string, lists: Lists): boolean {
  if (HEX.test(text) || MONERO.test(text) || INTEGRATED_MONERO.test(text)) return true;
  const [, prefix, data] = BECH32.exec(text.toLowerCase()) ?? [];
  if (prefix === undefined || data === undefined) return false;
  if (prefix === "bc" && !BITCOIN_LENGTHS.has(data.length)) return false;
  return lists.has("walletPrefixes", prefix);
}
