import fc from "fast-check";
import { number, START_MS, text, variable } from "./arbitrary-basics.ts";

/* What is said of who was there: ancestors, connections, registries, and what runs said they did. */

const time = fc.nat({ max: 2_000_000_000_000 });

/** Fields any of which may be missing, but for those that are `required`. */
function some<T extends object, K extends keyof T>(
  fields: { [F in keyof T]: fc.Arbitrary<T[F]> },
  required: readonly K[],
) {
  return fc.record(fields, { requiredKeys: [...required], noNullPrototype: true });
}

export const lineage = fc.array(
  some({ pid: fc.nat(), startTimeMs: time, comm: text, exe: text, title: text, user: text }, [
    "pid",
  ]),
  { maxLength: 3 },
);

const port = fc.nat({ max: 65_535 });
const socket = some(
  {
    pid: fc.nat(),
    protocol: text,
    localAddress: text,
    localPort: port,
    remoteAddress: text,
    remotePort: port,
    state: text,
    remoteName: text,
    bytesSent: fc.maxSafeNat(),
    bytesReceived: fc.maxSafeNat(),
    firstSeenMs: time,
  },
  ["pid", "protocol", "localAddress", "localPort", "remoteAddress", "remotePort", "state"],
);
const sockets = fc.record({
  kind: fc.constant("sockets" as const),
  list: fc.array(socket, { maxLength: 3 }),
});

const job = some(
  {
    scheduler: text,
    id: text,
    user: text,
    uid: fc.nat(),
    account: text,
    partition: text,
    name: text,
  },
  ["scheduler", "id"],
);
const entry = some(
  {
    gpus: fc.array(text, { maxLength: 3 }),
    container: some({ id: text, name: text, image: text }, []),
    pod: some({ namespace: text, name: text, uid: text, container: text }, ["namespace", "name"]),
    job,
    labels: fc.dictionary(variable, text, { maxKeys: 3, noNullPrototype: true }),
  },
  [],
);
const registry = fc.record({
  kind: fc.constant("registry" as const),
  source: text,
  entries: fc.array(entry, { maxLength: 3 }),
});

const context = some(
  {
    kind: fc.constant("context" as const),
    fromMs: fc.nat().map((ms) => START_MS + ms),
    lengthMs: fc.nat(),
    service: text,
    agent: text,
    run: text,
    episode: text,
    session: text,
    tool: text,
    arguments: text,
    container: text,
    image: text,
    host: text,
    pids: fc.array(fc.nat(), { maxLength: 3 }),
    id: text,
    skewMs: number(1e6).map((ms) => ms - 5e5),
  },
  ["kind", "fromMs"],
).map(({ lengthMs, ...fields }) =>
  Object.assign(fields, lengthMs !== undefined && { toMs: fields.fromMs + lengthMs }),
);

/** Observations without their time. */
export const who = fc.oneof(sockets, registry, context);
