import { z } from "zod";

/** What the values of a group look like: what fits badly is refused before it can accuse anybody. */
const SHAPES = {
  name: { pattern: /^[a-z0-9_][a-z0-9_.+-]*$/, hint: "a name in lower case without path" },
  option: { pattern: /^--?[A-Za-z0-9][\w-]*$/, hint: "an option with its dashes" },
  domain: {
    pattern: /^[a-z0-9][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*)+$/,
    hint: "a domain with at least one dot, in lower case",
  },
  port: { pattern: /^[1-9]\d{0,4}$/, hint: "a port" },
  prefix: { pattern: /^[A-Z][A-Z0-9]+_([A-Z0-9_]*)$/, hint: "the beginning of a variable's name" },
  folder: { pattern: /^\/(?:[^\s/]+(\/[^\s/]+)*)?$/, hint: "a directory without the last slash" },
  word: { pattern: /^[^\s/]+$/, hint: "a word without blanks and slashes" },
} as const;

/** Every group there is: how its values look, and what it is for. */
export const GROUPS = {
  minerNames: { shape: "name", says: "programs that mine and are nothing else" },
  sharedNames: { shape: "name", says: "miners that share their name with other things" },
  stratumSchemes: { shape: "name", says: "first part of address schemes of pool protocols" },
  poolDomains: { shape: "domain", says: "domains of mining pools" },
  poolPorts: { shape: "port", says: "ports of pools; many of them ordinary, a hint at most" },
  minerOptions: { shape: "option", says: "options that miners take and hardly anything else" },
  poolOptions: { shape: "option", says: "options by which miners are told their pool" },
  algorithmOptions: { shape: "option", says: "options by which miners are told what to search" },
  algorithms: { shape: "word", says: "proofs of work, by names that mean nothing else" },
  walletOptions: { shape: "option", says: "options by which miners are told whom to pay" },
  walletPrefixes: { shape: "name", says: "human-readable parts of Bech32 wallets, without the 1" },
  quantizations: { shape: "name", says: "quantizations of models that search while they serve" },
  modules: { shape: "name", says: "modules of Python that search" },
  variablePrefixes: { shape: "prefix", says: "environment variables of miners" },
  units: { shape: "name", says: "systemd units that miners install" },
  readers: { shape: "name", says: "programs whose arguments are what they look at" },
  runners: { shape: "name", says: "programs whose arguments are another command" },
  interpreters: { shape: "name", says: "programs that run a script under any title" },
  oddPlaces: { shape: "folder", says: "directories that programs are seldom run from" },
  ordinaryInOddPlaces: { shape: "word", says: "directories that are ordinary in those" },
  ordinaryHidden: { shape: "word", says: "hidden directories that programs live in" },
  ordinaryMemfds: { shape: "word", says: "programs that run themselves from memory" },
  ordinaryBuilders: { shape: "name", says: "compilers and their helpers" },
  packagePlaces: { shape: "folder", says: "directories that package managers own" },
  multiCall: { shape: "name", says: "one program under many names" },
  impersonated: { shape: "name", says: "system programs behind whose names others hide" },
  ownTitles: { shape: "name", says: "programs that write their own titles" },
  frameworks: { shape: "name", says: "libraries of machine learning and of scientific computing" },
  ordinaryHolders: { shape: "name", says: "programs that hold a GPU without any framework" },
  tunnelPrograms: { shape: "name", says: "programs whose purpose is a tunnel" },
  tunnelDomains: { shape: "domain", says: "domains of tunnels" },
} as const satisfies Record<string, { shape: keyof typeof SHAPES; says: string }>;

export type GroupName = keyof typeof GROUPS;
export const GROUP_NAMES = Object.keys(GROUPS).filter((name): name is GroupName =>
  Object.hasOwn(GROUPS, name),
);

/** Longest value of a list, and the most that a list holds. */
const MAX_VALUE_LENGTH = 80;
const MAX_VALUES = 5000;

const values = z.array(z.string().min(2).max(MAX_VALUE_LENGTH)).max(MAX_VALUES);
const told = { date: z.iso.date(), source: z.string().min(1).max(400) };
const group = z.strictObject({ ...told, values: values.min(1) });
const version = z.string().regex(/^[A-Za-z0-9][\w.+-]{0,79}$/, {
  error: "must be a short word: letters, digits, dots and dashes",
});
const comment = z.string().max(1000).optional();

const weight = z.number().positive().max(6);
const weights = z.strictObject({
  /** Log-odds that independent signs on one process add to mining-like. */
  minerProcess: weight,
  /** The same of a connection. */
  poolConnection: weight,
});

const limits = z.strictObject({
  /** Seconds from which on a connection is long-lived. */
  longLivedSeconds: z.number().positive(),
  /** Bytes a second, both ways, up to which a connection is thin. */
  thinBytesPerSecond: z.number().positive(),
  /** How far back connections count as one attempt at probing. */
  probingSeconds: z.number().positive().max(1800),
  /** Internal addresses, or ports of one of them, that nobody needs so many of. */
  probingTargets: z.int().min(4),
  /** Bytes, both ways, up to which nothing was done with a connection that is over. */
  briefBytes: z.number().min(0),
});

const named = z.enum(GROUP_NAMES);

/** Indicator lists as data: `data/indicators.json`, each group with its date and source. */
export const indicatorsSchema = z
  .strictObject({ comment, version, weights, limits, groups: z.record(named, group) })
  .superRefine(({ groups }, context) => {
    for (const name of GROUP_NAMES) checkShapes(name, groups[name].values, "values", context);
    checkNames(groups, context);
  });

export type Indicators = z.infer<typeof indicatorsSchema>;

const change = z
  .strictObject({ ...told, values: values.default([]), remove: values.default([]) })
  .refine((each) => each.values.length + each.remove.length > 0, {
    error: "says nothing: it needs values, or values to remove",
  });

/** What a file of the administrator's adds to the lists that ship, and takes from them. */
export const indicatorUpdateSchema = z
  .strictObject({
    comment,
    version,
    weights: weights.partial().optional(),
    limits: limits.partial().optional(),
    groups: z.partialRecord(named, change).default({}),
  })
  .superRefine(({ groups }, context) => {
    for (const name of GROUP_NAMES)
      checkShapes(name, groups[name]?.values ?? [], "values", context);
  });

export type IndicatorUpdate = z.infer<typeof indicatorUpdateSchema>;

function checkShapes(
  name: GroupName,
  list: readonly string[],
  key: string,
  context: z.RefinementCtx,
): void {
  const { pattern, hint } = SHAPES[GROUPS[name].shape];
  list.forEach((value, i) => {
    if (pattern.test(value) && !isOrdinaryScheme(name, value)) return;
    context.addIssue({
      code: "custom",
      path: ["groups", name, key, i],
      message: `must be ${hint}`,
    });
  });
}

const ORDINARY_SCHEMES: ReadonlySet<string> = new Set(
  "http https ws wss ftp ssh git file tcp udp tls ssl s3 gs hdfs rtsp grpc unix".split(" "),
);

function isOrdinaryScheme(name: GroupName, value: string): boolean {
  return name === "stratumSchemes" && ORDINARY_SCHEMES.has(value);
}

/** A list that calls `python` a miner accuses everybody. */
function checkNames(groups: Indicators["groups"], context: z.RefinementCtx): void {
  const ordinary = new Set(
    (["readers", "runners", "interpreters", "multiCall", "ordinaryHolders"] as const).flatMap(
      (name) => groups[name].values,
    ),
  );
  for (const name of ["minerNames", "sharedNames"] as const)
    groups[name].values.forEach((value, i) => {
      // `python3.11` is python as well.
      if (!ordinary.has(value) && !ordinary.has(value.replace(/[\d.-]+$/, ""))) return;
      const path = ["groups", name, "values", i];
      context.addIssue({ code: "custom", path, message: `${value} is an ordinary program` });
    });
}
