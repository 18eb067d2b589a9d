import { sanitize } from "./text.ts";

/** Longest command line that is kept. */
const MAX_COMMAND = 512;
const MAX_ARGUMENTS = 64;
const MASK = "***";

/** Words in the name of an option or a variable whose value is nobody's business. */
const SECRET_NAME =
  /(?:^|[-_.])(?:password|passwd|passphrase|pass|pwd|secret|token|api[-_]?key|apikey|access[-_]?key|private[-_]?key|key|auth|authorization|credentials?|cookie|bearer)(?:$|[-_.])/i;
/** `--key=value`, `KEY=value` and `key: value`. */
const NAMED_VALUE = /^(-{0,2}[\w.-]{1,80})([=:]\s?)(.+)$/s;
/** Options of one letter that take a password: `-p secret`; of mysql and others also `-psecret`. */
const SHORT_SECRET = /^-(?:p|P|u|U)$/;
/** Programs of which `-p` is a port: where a tunnel leads to is what a reader wants to know. */
const PORT_OPTION_PROGRAM = /(?:^|\/)(?:ssh|autossh|sftp|scp|sshd|dbclient)$/;
const USER_INFO = /([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/@]{1,256}@/gi;

/** Tokens that show what they are wherever they stand. */
const TOKENS = [
  /\b(?:AKIA|ASIA|AROA)[A-Z0-9]{12,}/g,
  /\bhf_[A-Za-z0-9]{16,}/g,
  /\bgh[pousr]_[A-Za-z0-9]{16,}/g,
  /\bgithub_pat_\w{16,}/g,
  /\bglpat-[\w-]{16,}/g,
  /\bxox[abprs]-[\w-]{10,}/g,
  /\bsk-[\w-]{16,}/g,
  /\beyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?/g,
];
/** Long runs of digits and letters that no word is; a path's parts and a wallet's address, too. */
const LONG_HEX = /\b[0-9a-fA-F]{32,}\b/g;
const LONG_MIXED = /[A-Za-z0-9+/_-]{40,}={0,2}/g;

/**
 * A command line for people: bounded, escaped, and with what looks like a secret masked. Better one
 * word too many masked than one secret kept: what evidence needs of it, it takes from the process itself.
 */
export function commandText(argv: readonly string[] | undefined): string | undefined {
  if (!argv || argv.length === 0) return undefined;
  const shown: string[] = [];
  const hasPorts = PORT_OPTION_PROGRAM.test(argv[0] ?? "");
  let isSecretNext = false;
  for (const argument of argv.slice(0, MAX_ARGUMENTS)) {
    const isOption = argument.startsWith("-");
    shown.push(isSecretNext && !isOption ? MASK : masked(argument.slice(0, MAX_COMMAND)));
    isSecretNext = !(hasPorts && /^-[pP]$/.test(argument)) && isSecretOption(argument);
  }
  return sanitize(shown.join(" "), MAX_COMMAND);
}

/** `--token`, whose value comes next. */
function isSecretOption(argument: string): boolean {
  const name = argument.slice(0, 80);
  if (SHORT_SECRET.test(name)) return true;
  return /^--?[\w.-]+$/.test(name) && SECRET_NAME.test(name.replace(/^--?/, ""));
}

function masked(argument: string): string {
  const [, name, between, value] = NAMED_VALUE.exec(argument) ?? [];
  if (name !== undefined && value !== undefined && SECRET_NAME.test(name.replace(/^--?/, "")))
    return `${name}${between}${MASK}`;
  if (/^-p\S{3,}$/.test(argument) && !/^-p(?:ort|ath|refix|arallel|rofile|recision)/.test(argument))
    return `-p${MASK}`;
  let text = argument.replaceAll(USER_INFO, `$1${MASK}@`);
  for (const token of TOKENS) text = text.replaceAll(token, MASK);
  return text
    .replaceAll(LONG_HEX, MASK)
    .replaceAll(LONG_MIXED, (run) => (isRandom(run) ? MASK : run));
}

/** Digits, small and large letters in one run without a path's slashes: no name is made so. */
function isRandom(run: string): boolean {
  const isMixed = /\d/.test(run) && /[a-z]/.test(run) && /[A-Z]/.test(run);
  return isMixed && (run.match(/\//g)?.length ?? 0) <= run.length / 20;
}
