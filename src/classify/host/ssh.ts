/** Short options of a program, those with a value by their letter: `b:c:` of getopt. */
export interface OptionTable {
  withValue: ReadonlySet<string>;
}

/** Of OpenSSH's `ssh`: `-R` takes a value, and so do `-p`, `-i`, `-l` and others that may hold an R. */
export const SSH: OptionTable = { withValue: new Set("bceilmopBDEFIJLOPQRSwW") };
/** autossh has a `-M` with a value of its own and hands on the rest. */
export const AUTOSSH: OptionTable = { withValue: new Set("bceilmopBDEFIJLMOPQRSwW") };
/** Dropbear's `dbclient`. */
export const DBCLIENT: OptionTable = { withValue: new Set("bcilmopBIJKLRW") };

export interface SshCall {
  /** Values by letter; flags have an empty one. */
  options: readonly (readonly [letter: string, value: string])[];
  host: string | undefined;
}

/**
 * The options of an ssh client as getopt reads them: before the host and once more behind it. What
 * follows the host and its options is the command for the other side.
 */
export function parseSsh(args: readonly string[], { withValue }: OptionTable): SshCall {
  const options: [string, string][] = [];
  let host: string | undefined;
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? "";
    if (arg === "--") continue;
    if (!arg.startsWith("-") || arg === "-") {
      if (host !== undefined) break;
      host = arg;
      continue;
    }
    for (let i = 1; i < arg.length; i++) {
      const letter = arg.charAt(i);
      if (!withValue.has(letter)) {
        options.push([letter, ""]);
        continue;
      }
      const rest = arg.slice(i + 1);
      if (rest === "") at += 1;
      options.push([letter, rest === "" ? (args[at] ?? "") : rest]);
      break;
    }
  }
  return { options, host };
}

/** What a client was told to open. */
export interface Forward {
  /** In words, before what the user wrote. */
  what: string;
  detail: string;
  /** Ordinary on clusters: a jump host is no hole in a firewall. */
  isWeak: boolean;
}

const BY_LETTER: Readonly<Record<string, { what: string; isWeak: boolean }>> = {
  R: { what: "opens a reverse tunnel", isWeak: false },
  w: { what: "opens a tunnel between networks", isWeak: false },
  D: { what: "opens a proxy into the other network", isWeak: false },
  J: { what: "goes through a jump host", isWeak: true },
  W: { what: "hands its input on to another host", isWeak: true },
};

const BY_KEY: ReadonlyMap<string, { what: string; isWeak: boolean }> = new Map([
  ["remoteforward", { what: "opens a reverse tunnel", isWeak: false }],
  ["dynamicforward", { what: "opens a proxy into the other network", isWeak: false }],
  ["tunnel", { what: "opens a tunnel between networks", isWeak: false }],
  ["tunneldevice", { what: "opens a tunnel between networks", isWeak: false }],
  ["proxyjump", { what: "goes through a jump host", isWeak: true }],
  ["proxycommand", { what: "goes through another program", isWeak: true }],
]);

/** Sub-commands to a connection that is there already, which end something or only ask. */
const ENDING: ReadonlySet<string> = new Set(["cancel", "exit", "stop", "check"]);
/** Only show what they would do, or what they are. */
const ASKING: ReadonlySet<string> = new Set(["G", "Q", "V"]);

/** The strongest forwards first. */
export function forwardsOf({ options }: SshCall): Forward[] {
  if (options.some(([letter, value]) => letter === "O" && ENDING.has(value))) return [];
  if (options.some(([letter]) => ASKING.has(letter))) return [];
  const found = options.flatMap(([letter, value]): Forward[] => {
    if (letter === "o") return byKey(value);
    const known = Object.hasOwn(BY_LETTER, letter) ? BY_LETTER[letter] : undefined;
    return known && value !== "" ? [{ ...known, detail: `-${letter} ${value}` }] : [];
  });
  return found.sort((a, b) => Number(a.isWeak) - Number(b.isWeak));
}

/** `RemoteForward=1 h:2`, `RemoteForward 1 h:2`, in any case, quoted or not. */
function byKey(text: string): Forward[] {
  const match = /^\s{0,9}"?([A-Za-z]{1,40})"?\s{0,9}[=\s]\s{0,9}(.*)$/s.exec(text);
  const [, key = "", value = ""] = match ?? [];
  const known = BY_KEY.get(key.toLowerCase());
  const isOff = /^"?(?:no|none|off)"?$/i.test(value.trim());
  return known && !isOff && value !== "" ? [{ ...known, detail: `${key} ${value}` }] : [];
}

/** `8080:localhost:80`, with or without the address to listen on: hardly anything else looks so. */
const FORWARDING =
  /^(?:[^\s:]{0,255}:|\[[0-9a-fA-F:]{2,45}\]:)?\d{1,5}:(?:[^\s:]{1,255}|\[[0-9a-fA-F:]{2,45}\]):\d{1,5}$/;

export function isForwarding(value: string): boolean {
  return FORWARDING.test(value);
}
