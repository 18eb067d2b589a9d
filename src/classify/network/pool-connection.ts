import type { Evidence } from "../../model/evidence.ts";
import type { ProcessSighting } from "../../model/sample.ts";
import { sanitize } from "../../model/text.ts";
import type { Address } from "../host/addresses.ts";
import { domainOf, type Lists } from "../host/lists.ts";
import { lookAt } from "../host/look.ts";
import { ageSeconds, type Connection } from "./connection.ts";
import { destinationOf } from "./egress.ts";
import { parseAddress, reachOf } from "./networks.ts";

/**
 * Ports of web pages: pools have sites and exchanges, too, and a thin lasting connection is what any
 * page that updates itself has. There a name is a hint, and takes another sign.
 */
const WEB_PORTS: ReadonlySet<number> = new Set([80, 443, 8080, 8443]);
/** Opened anew oftener than this, it is not one long conversation. */
const MAX_ATTEMPTS = 3;

/** What is known of a connection that speaks for a pool behind it. */
interface Finding {
  counted: readonly string[];
  /** Shown beside, or alone as a hint: ports, and what has no second sign. */
  hints: readonly string[];
}

/**
 * Connections to mining pools. It takes the shape (long-lived, thin) and a second sign that is
 * independent of it, or an address of the arguments that the kernel confirms. A port never decides.
 * @param miners processes that confirmed signs of a miner were found on
 */
export function poolConnections(
  connections: readonly Connection[],
  processes: ReadonlyMap<number, ProcessSighting>,
  miners: ReadonlySet<number>,
  lists: Lists,
): Evidence[] {
  const found = connections.flatMap((connection) => {
    const process = processes.get(connection.pid);
    const finding = process && findingOf(connection, process, miners, lists);
    return finding ? [{ connection, finding }] : [];
  });
  const byPid = new Map<number, Evidence>();
  // One connection of a process says it: others of it are copies. What counts goes first.
  for (const { connection, finding } of found.sort(
    (a, b) => b.finding.counted.length - a.finding.counted.length,
  ))
    if (!byPid.has(connection.pid))
      byPid.set(connection.pid, evidenceOf(connection, finding, lists));
  const counted = [...byPid.values()];
  const first = counted.find(({ feature }) => feature === "poolConnection");
  return counted.map((item) =>
    item === first || item.feature !== "poolConnection" ? item : { ...item, weights: {} },
  );
}

function findingOf(
  connection: Connection,
  process: ProcessSighting,
  miners: ReadonlySet<number>,
  lists: Lists,
): Finding | undefined {
  if (!connection.wasEstablished || reachOf(connection.remoteAddress) === "none") return undefined;
  const shape = shapeOf(connection, lists);
  const { pools } = lookAt(process, lists).signs;
  const exact = pools.find((pool) => leadsTo(pool, connection) === "exactly");
  const named = exact ?? pools.find((pool) => leadsTo(pool, connection) !== "elsewhere");
  const domain = connection.remoteName && domainOf(connection.remoteName, "poolDomains", lists);
  const isWeb = WEB_PORTS.has(connection.remotePort);
  const byArguments = named ? [`its arguments name ${placeOf(named)} as a pool`] : [];
  const byName = domain ? [`the host knows it as ${domain}`] : [];
  const isMiner = miners.has(connection.pid);
  const seconds = [
    ...byArguments,
    ...(isWeb ? [] : byName),
    ...(isMiner && connection.bytes !== undefined
      ? ["the process is a miner by its own signs"]
      : []),
  ];
  const isKnownPort =
    lists.has("poolPorts", String(connection.remotePort)) &&
    reachOf(connection.remoteAddress) === "public";
  const port = isKnownPort ? [`port ${connection.remotePort} is used by pools, and by others`] : [];
  // The kernel's word on an address that the arguments name needs no shape to be a second fact.
  const isCounted = seconds.length > 0 && (shape !== undefined || exact !== undefined);
  const first = shape ?? "it is open";
  if (isCounted) return { counted: [first, ...seconds], hints: port };
  const hints = [...byArguments, ...byName, ...(shape === undefined ? [] : port)];
  return hints.length > 0
    ? { counted: [], hints: [...(shape ? [shape] : []), ...hints] }
    : undefined;
}

/** One long-lived connection over which little goes; where bytes are not told, the time alone. */
function shapeOf(connection: Connection, { limits }: Lists): string | undefined {
  const age = ageSeconds(connection);
  if (age < limits.longLivedSeconds || connection.attempts > MAX_ATTEMPTS) return undefined;
  const { bytes, greatestStepBytes } = connection;
  const open = `open for ${Math.round(age)} s`;
  if (bytes === undefined) return `${open} (how much went over it is not told)`;
  const rate = bytes / age;
  const isThin = bytes > 0 && rate <= limits.thinBytesPerSecond;
  const isEven = (greatestStepBytes ?? 0) <= limits.thinBytesPerSecond * limits.longLivedSeconds;
  return isThin && isEven ? `${open} with ${Math.round(rate)} bytes/s` : undefined;
}

/** Whether an address of the arguments is this connection, or may be: a name may have any address. */
function leadsTo(
  { host, port }: Address,
  { remotePort, remoteAddress, remoteName }: Connection,
): "exactly" | "perhaps" | "elsewhere" {
  if (port !== remotePort) return "elsewhere";
  const given = parseAddress(host)?.toString();
  if (given !== undefined)
    return given === parseAddress(remoteAddress)?.toString() ? "exactly" : "elsewhere";
  if (remoteName?.toLowerCase() === host) return "exactly";
  // Behind a shared network the host may know a pool by another name; a web page has that, too.
  return remoteName !== undefined && WEB_PORTS.has(port) ? "elsewhere" : "perhaps";
}

function placeOf({ scheme, host, port }: Address): string {
  const head = scheme === undefined ? "" : `${scheme}://`;
  return sanitize(`${head}${host}${port === undefined ? "" : `:${port}`}`, 120);
}

function evidenceOf(connection: Connection, { counted, hints }: Finding, lists: Lists): Evidence {
  const { pid } = connection;
  const to = sanitize(destinationOf(connection), 120);
  const isCounted = counted.length > 0;
  const head = isCounted
    ? `process ${pid} is connected to what is a pool by independent signs`
    : `process ${pid} has a connection with a sign of a pool that also occurs by chance, not counted`;
  return {
    family: "network",
    feature: isCounted ? "poolConnection" : "poolHint",
    value: pid,
    text: `${head} (indicators ${lists.version}), ${to}: ${[...counted, ...hints].join("; ")}`,
    weights: isCounted ? { "mining-like": lists.weights.poolConnection } : {},
  };
}
