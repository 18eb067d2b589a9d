import type { Evidence } from "../../model/evidence.ts";
import { sanitize } from "../../model/text.ts";
import type { Connection } from "./connection.ts";
import { isWithin, type Network, parseNetwork, reachOf } from "./networks.ts";

/** Where an owner's jobs may connect to. */
export interface EgressRule {
  /** An owner key, in which `*` stands for anything: `job:*`, `user:alice`. */
  owner: string;
  /** Networks, addresses, endings of names, ports. */
  allow: readonly string[];
}

type Allowed =
  | { kind: "network"; network: Network }
  | { kind: "name"; suffix: string }
  | { kind: "port"; port: number };

const NAME = /^(?:\*?\.)?([a-z0-9_][a-z0-9_-]*(?:\.[a-z0-9_-]+)*)$/i;

/** `10.0.0.0/8`, `192.0.2.7`, `example.org` (and all below it), `:443`; undefined for anything else. */
export function parseAllowed(text: string): Allowed | undefined {
  const port = /^:(\d{1,5})$/.exec(text)?.[1];
  if (port !== undefined) {
    const number = Number(port);
    return number > 0 && number <= 65_535 ? { kind: "port", port: number } : undefined;
  }
  const network = parseNetwork(text);
  if (network) return { kind: "network", network };
  const name = NAME.exec(text)?.[1];
  // What is all digits and dots was meant as an address, and is a wrong one.
  if (name === undefined || !/[a-z]/i.test(name)) return undefined;
  return { kind: "name", suffix: name.toLowerCase() };
}

/** The rules, ready to be asked. */
export class EgressRules {
  readonly #rules: readonly { owner: RegExp; allow: readonly Allowed[] }[];

  constructor(rules: readonly EgressRule[]) {
    this.#rules = rules.map(({ owner, allow }) => ({
      owner: patternOf(owner),
      allow: allow.flatMap((text) => parseAllowed(text) ?? []),
    }));
  }

  /** What an owner may do; undefined where no rule speaks of him: then nothing is said. */
  of(ownerKey: string): readonly Allowed[] | undefined {
    const own = this.#rules.filter(({ owner }) => owner.test(ownerKey));
    return own.length === 0 ? undefined : own.flatMap(({ allow }) => allow);
  }
}

/** `*` becomes "anything"; stars beside each other become one, so that no pattern can stall. */
function patternOf(owner: string): RegExp {
  const parts = owner
    .split(/\*+/)
    .map((part) => part.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join(".*")}$`, "s");
}

/** The address itself is in its name where the host knows none. */
export function destinationOf({ remoteName, remoteAddress, remotePort }: Connection): string {
  const place = remoteName ?? (remoteAddress.includes(":") ? `[${remoteAddress}]` : remoteAddress);
  return `${place}:${remotePort}`;
}

function isAllowed(connection: Connection, allow: readonly Allowed[]): boolean {
  const name = connection.remoteName?.toLowerCase().replace(/\.$/, "");
  return allow.some((each) => {
    if (each.kind === "port") return each.port === connection.remotePort;
    if (each.kind === "network") return isWithin(connection.remoteAddress, each.network);
    return name !== undefined && (name === each.suffix || name.endsWith(`.${each.suffix}`));
  });
}

/**
 * Destinations outside of what the owner's rules allow. The machine itself is always allowed.
 * @param isNew whether this destination of his is heard of for the first time
 */
export function newDestinations(
  connections: readonly Connection[],
  allow: readonly Allowed[] | undefined,
  isNew: (destination: string) => boolean,
): Evidence[] {
  if (allow === undefined) return [];
  return connections.flatMap((connection): Evidence[] => {
    const reach = reachOf(connection.remoteAddress);
    if (reach === "loopback" || reach === "none" || isAllowed(connection, allow)) return [];
    const value = sanitize(destinationOf(connection), 160);
    if (!isNew(value)) return [];
    const did = connection.wasEstablished ? "is connected to" : "tries to reach";
    const text = `process ${connection.pid} ${did} ${value} (${sanitize(connection.protocol, 12)}), which the egress list of its owner does not allow`;
    return [{ family: "network", feature: "newDestination", value, text, weights: {} }];
  });
}
