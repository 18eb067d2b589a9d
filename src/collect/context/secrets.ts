/* What looks like a secret in the text of a tool's arguments. Too much is masked rather than too little. */

const MASK = "[masked]";

/** Words in a name whose value is a secret; what stands before them in it does not matter. */
const WORD =
  "(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential|authorization|cookie)";
const REST = "[A-Za-z0-9_.-]{0,40}";
const NAME = `${WORD}${REST}`;

const RULES: readonly [RegExp, string][] = [
  // A key in its own armour.
  [
    /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|$)/g,
    MASK,
  ],
  // Authorization: Bearer …, and Basic.
  [/\b(bearer|basic)(\s+)[A-Za-z0-9+/=._~-]{8,}/gi, `$1$2${MASK}`],
  // user:password@host of an address.
  [/(\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s/:@"']{0,100}:)[^\s/@"']{1,200}@/gi, `$1${MASK}@`],
  // "api_key": "…" and api_key=…, --token …, with escaped quotes too.
  [
    new RegExp(`(${NAME}\\\\{0,3}["']?\\s{0,3}[:=]\\s{0,3}\\\\{0,3}["'])[^"'\\\\]{1,2000}`, "gi"),
    `$1${MASK}`,
  ],
  [
    new RegExp(`(${NAME}\\s{0,3}[:=]\\s{0,3})(?!\\\\{0,3}["'\\[{])[^\\s"',;&}\\\\]{1,2000}`, "gi"),
    `$1${MASK}`,
  ],
  [
    new RegExp(`(--?[A-Za-z0-9_.-]{0,40}${NAME}\\s{1,3})(?![-\\[])[^\\s"',;&}\\\\]{1,2000}`, "gi"),
    `$1${MASK}`,
  ],
  // Tokens that say what they are.
  [
    /\b(?:ghp|gho|ghu|ghs|ghr|github_pat|glpat|xox[abprs]|hf|sk|rk|pk|AKIA|ASIA|npm|dop_v1)[_-]?[A-Za-z0-9_-]{16,}/g,
    MASK,
  ],
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?/g, MASK],
];

/** The text with what looks like a secret masked. Linear in a text of bounded length. */
export function maskSecrets(text: string): string {
  return RULES.reduce((masked, [pattern, by]) => masked.replace(pattern, by), text);
}
