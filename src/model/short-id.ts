/** Crockford's: no letter that could be read as a digit, or as another letter. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const BITS = 5;

/** Bytes that make an id of eight characters: about 10^12 of them, and a person can read one out. */
export const SHORT_ID_BYTES = 5;

/** `D-3F7K2M9Q` of five bytes: a letter for what it names, and base 32. */
export function shortId(prefix: string, bytes: Uint8Array): string {
  let [text, value, bits] = ["", 0, 0];
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= BITS) {
      bits -= BITS;
      text += ALPHABET[(value >> bits) & 31] ?? "";
    }
    value &= (1 << bits) - 1;
  }
  return `${prefix}-${text}`;
}

/** As somebody may have typed it: `d-3f7k 2m9q` is the same id. */
export function readShortId(text: string): string {
  const plain = text.trim().toUpperCase();
  const [head = "", ...rest] = plain.split("-");
  const body = rest.join("").replaceAll(/\s/g, "").replaceAll("O", "0").replaceAll(/[IL]/g, "1");
  return rest.length === 0 ? plain : `${head}-${body}`;
}
