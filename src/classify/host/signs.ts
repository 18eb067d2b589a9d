import type { ProcessSighting } from "../../model/sample.ts";
import { type Address, addressesIn } from "./addresses.ts";
import { type Command, commandOf, holdsDevice, isDeleted, type Role } from "./command.ts";
import { domainOf, type Lists, QUANTIZATION_OPTIONS } from "./lists.ts";
import { minerName, variableOf } from "./names.ts";
import { walletIn } from "./wallets.ts";

/** What kind of thing a sign is. An address by its scheme and one by its name are the same thing. */
export type SignKind =
  | "program name"
  | "pool address scheme"
  | "pool name"
  | "miner option"
  | "wallet"
  | "miner variable"
  | "miner module"
  | "service unit"
  | "deleted executable";

/**
 * One thing that a process has in common with miners. Its text is of the lists, or of an alphabet
 * without blanks; only the path of a deleted executable is the observed user's own.
 */
export interface Sign {
  kind: SignKind;
  text: string;
  /** Occurs by chance oftener: two such signs are still no proof. */
  isWeak: boolean;
}

export interface Signs {
  role: Role;
  found: readonly Sign[];
  /** The arguments read like a list of indicators, as a virus scanner may be given them. */
  isList: boolean;
  /** Addresses of pools in the arguments: what the kernel tells of connections can be held against them. */
  pools: readonly Address[];
}

const NOTHING: Signs = { role: "reader", found: [], isList: false, pools: [] };
/** Miner programs, or schemes, that only a list would name together. */
const LIST_LENGTH = 3;
/** Protocols of ordinary traffic: a pool's web site is no pool. */
const WEB: ReadonlySet<string> = new Set(["http", "https", "ws", "wss", "git", "ftp", "file"]);

export function signsOf(process: ProcessSighting, lists: Lists): Signs {
  const command = commandOf(process, lists);
  if (command.role === "reader") return NOTHING;
  const isRunner = command.role === "runner";
  const args = isRunner
    ? command.args.flatMap((arg) => arg.split(/\s+/, MAX_LIST_WORDS))
    : command.args;
  const addresses = addressesOf(args);
  const pools = addresses.filter(({ scheme }) => isStratum(scheme, lists));
  const named = addresses.filter((address) => isPoolPlace(address, lists));
  const options = optionsOf(args, lists);
  const found = [
    ...(isRunner ? [] : [...nameSigns(command, lists), ...hostSigns(process, command, lists)]),
    ...addressSigns(pools, named, lists),
    ...optionSigns(options, lists),
    ...walletSigns(options, [...pools, ...named], lists),
  ];
  const { exe } = process;
  if (found.length > 0 && exe !== undefined && isDeleted(exe))
    found.push({ kind: "deleted executable", text: exe, isWeak: true });
  const isList =
    found.length > 0 && command.role === "plain" && readsLikeList(command, pools, lists, process);
  return { role: command.role, found, isList, pools: [...pools, ...named] };
}

/** Signs of different kinds confirm each other, if one of them at least is hardly chance. */
export function areConfirmed({ role, found, isList }: Signs): boolean {
  const counted = found.filter(({ kind }) => kind !== "deleted executable");
  const kinds = new Set(
    counted.map(({ kind }) => (kind === "pool name" ? "pool address scheme" : kind)),
  );
  return role === "plain" && !isList && kinds.size >= 2 && counted.some(({ isWeak }) => !isWeak);
}

function nameSigns({ names }: Command, lists: Lists): Sign[] {
  const found = names.flatMap((name) => minerName(name, lists) ?? []);
  const [best] = found.sort((a, b) => Number(a.isWeak) - Number(b.isWeak));
  return best ? [{ kind: "program name", text: best.name, isWeak: best.isWeak }] : [];
}

/** What is neither name nor argument: variables, modules, the unit that started it. */
function hostSigns(process: ProcessSighting, command: Command, lists: Lists): Sign[] {
  const signs: Sign[] = [];
  const variable = Object.keys(process.environ ?? {}).find((name) => variableOf(name, lists));
  if (variable !== undefined)
    signs.push({
      kind: "miner variable",
      text: `${variableOf(variable, lists) ?? ""}*`,
      isWeak: true,
    });
  const module = moduleOf(process, command, lists);
  if (module) signs.push({ kind: "miner module", text: module, isWeak: false });
  const unit = (process.cgroup ?? "")
    .slice(0, 1024)
    .split("/")
    .map((part) => part.replace(/\.(?:service|scope|slice)$/, "").toLowerCase())
    .find((part) => lists.has("units", part));
  if (unit !== undefined) signs.push({ kind: "service unit", text: unit, isWeak: false });
  return signs;
}

function moduleOf(process: ProcessSighting, { args }: Command, lists: Lists): string | undefined {
  const at = args.indexOf("-m");
  const started = at < 0 ? [] : (args[at + 1] ?? "").toLowerCase().split(".").slice(0, 1);
  const mapped = (process.mapped ?? []).slice(0, 256).map((name) => name.toLowerCase());
  return [...started, ...mapped].find((name) => lists.has("modules", name));
}

function addressesOf(args: readonly string[]): Address[] {
  // `-oADDRESS`: the option's letter would read as the beginning of the address.
  return args.flatMap((arg) => addressesIn(/^-[A-Za-z]\w/.test(arg) ? arg.slice(2) : arg));
}

/** `stratum`, `stratum1`, `stratum2+ssl`, `ethstratum+tcp`: told by what stands before the plus. */
export function isStratum(scheme: string | undefined, lists: Lists): boolean {
  return scheme !== undefined && lists.has("stratumSchemes", scheme.split("+", 1)[0] ?? "");
}

function isPoolPlace({ scheme, host, port }: Address, lists: Lists): boolean {
  const isWeb = scheme === undefined ? port === undefined : WEB.has(scheme);
  return !isWeb && domainOf(host, "poolDomains", lists) !== undefined;
}

function addressSigns(pools: readonly Address[], named: readonly Address[], lists: Lists): Sign[] {
  const [pool] = pools;
  const [place] = named;
  const signs: Sign[] = [];
  if (pool?.scheme !== undefined)
    signs.push({ kind: "pool address scheme", text: `${pool.scheme}://`, isWeak: false });
  const domain = place && domainOf(place.host, "poolDomains", lists);
  if (domain !== undefined) signs.push({ kind: "pool name", text: domain, isWeak: false });
  return signs;
}

type Options = ReadonlyMap<string, readonly string[]>;

/** The listed options with their values, in one pass: `--url X`, `--url=X`, `-o X`, `-oX`. */
function optionsOf(args: readonly string[], lists: Lists): Options {
  const options = new Map<string, string[]>();
  const note = (name: string, value: string): void => {
    if (!lists.isOption(name)) return;
    const known = options.get(name);
    if (known) known.push(value);
    else options.set(name, [value]);
  };
  args.forEach((arg, i) => {
    if (!arg.startsWith("-") || arg === "--") return;
    const equals = arg.indexOf("=");
    const next = args[i + 1] ?? "";
    if (equals > 0) note(arg.slice(0, equals), arg.slice(equals + 1));
    else if (lists.isOption(arg)) note(arg, next.startsWith("-") ? "" : next);
    else if (!arg.startsWith("--")) note(arg.slice(0, 2), arg.slice(2));
  });
  return options;
}

/** The best one only: options confirm each other no more than names do. */
function optionSigns(options: Options, lists: Lists): Sign[] {
  const entries = [...options];
  const sign = (text: string, isWeak: boolean): Sign[] => [{ kind: "miner option", text, isWeak }];
  const strong = entries.find(([name]) => lists.has("minerOptions", name));
  if (strong) return sign(strong[0], false);
  for (const [name, values] of entries) {
    const value = values
      .map((each) => each.toLowerCase())
      .find((each) => isWork(name, each, lists));
    if (value !== undefined) return sign(`${name}=${value}`, false);
  }
  const pool = entries.find(
    ([name, values]) => lists.has("poolOptions", name) && values.some(isEndpoint),
  );
  const algorithm = entries.find(
    ([name, values]) => lists.has("algorithmOptions", name) && values.some((value) => value !== ""),
  );
  return pool && algorithm ? sign(`${pool[0]}+${algorithm[0]}`, true) : [];
}

const QUANTIZES: ReadonlySet<string> = new Set(QUANTIZATION_OPTIONS);

function isWork(option: string, value: string, lists: Lists): boolean {
  if (QUANTIZES.has(option) && lists.has("quantizations", value)) return true;
  return lists.has("algorithmOptions", option) && lists.has("algorithms", value);
}

/** An address to connect to that is no web page: `pool.yaml` and `zpool.cache` are none. */
function isEndpoint(value: string): boolean {
  return addressesIn(value).some(({ scheme, port }) =>
    scheme === undefined ? port !== undefined : !WEB.has(scheme),
  );
}

function walletSigns(options: Options, pools: readonly Address[], lists: Lists): Sign[] {
  const given = [...options].flatMap(([name, values]) =>
    lists.has("walletOptions", name) ? values : [],
  );
  const wallet = [...given, ...pools.flatMap(({ user }) => user ?? [])]
    .map((value) => walletIn(value, lists))
    .find((shown) => shown !== undefined);
  return wallet === undefined ? [] : [{ kind: "wallet", text: wallet, isWeak: false }];
}

/** A scanner that is given names to look for. Whoever holds a device looks for nothing. */
function readsLikeList(
  { args }: Command,
  pools: readonly Address[],
  lists: Lists,
  process: ProcessSighting,
): boolean {
  if (holdsDevice(process)) return false;
  const words = args.flatMap((arg) => arg.toLowerCase().split(/[\s,;|:=()]+/, MAX_LIST_WORDS));
  const names = new Set(words.filter((word) => lists.has("minerNames", word)));
  const schemes = new Set(pools.map(({ scheme }) => scheme));
  return names.size >= LIST_LENGTH || schemes.size >= LIST_LENGTH;
}

const MAX_LIST_WORDS = 200;
