import type { ProcessSighting } from "../../model/sample.ts";
import { addressesIn } from "./addresses.ts";
import { type Command, commandOf } from "./command.ts";
import { domainOf, type Lists } from "./lists.ts";
import { AUTOSSH, DBCLIENT, forwardsOf, isForwarding, parseSsh, SSH } from "./ssh.ts";
import { programTunnel, type Tunnel } from "./tunnel-programs.ts";

const CLIENTS = new Map([
  ["ssh", SSH],
  ["autossh", AUTOSSH],
  ["dbclient", DBCLIENT],
]);
/** The server runs itself again with `-R`, which means something else there. */
const SERVERS: ReadonlySet<string> = new Set(["sshd", "sshd-session", "sshd-auth"]);
const HELP: ReadonlySet<string> = new Set([
  "--help",
  "-h",
  "-help",
  "help",
  "--version",
  "-V",
  "-v",
  "version",
  "completion",
]);

/** What a process opens, strongest first; undefined where it opens nothing. */
export function tunnelOf(process: ProcessSighting, lists: Lists): Tunnel | undefined {
  const command = commandOf(process, lists);
  const { program, names, args, role } = command;
  if (role === "reader" || program === undefined) return undefined;
  if (SERVERS.has(program) && !args.some(isForwarding)) return undefined;
  for (const name of names) {
    const table = CLIENTS.get(name.replace(/\.exe$/, ""));
    if (table) return sshTunnel(name, parseSsh(args, table));
  }
  // What a shell or `timeout` starts is a process of its own, and is seen itself.
  if (role === "runner") return undefined;
  const byName = names.map((name) => programTunnel(name, args, HELP, lists)).find((each) => each);
  return byName ?? renamedClient(command) ?? byDomain(args, lists);
}

function sshTunnel(name: string, call: ReturnType<typeof parseSsh>): Tunnel | undefined {
  const [forward] = forwardsOf(call);
  if (!forward) return undefined;
  const to = call.host === undefined ? "" : ` by way of ${call.host}`;
  return {
    what: `(${name}) ${forward.what}`,
    detail: `${forward.detail}${to}`,
    isWeak: forward.isWeak,
  };
}

/** A client under another name still takes its options. */
function renamedClient({ args }: Command): Tunnel | undefined {
  if (!args.some(isForwarding) && !args.some((arg) => /^-[A-Za-z0-9]*R.+:/.test(arg)))
    return undefined;
  const call = parseSsh(args, SSH);
  const reverse = call.options.find(([letter, value]) => letter === "R" && isForwarding(value));
  if (!reverse || call.host === undefined) return undefined;
  const detail = `-R ${reverse[1]} by way of ${call.host}`;
  return { what: "takes ssh's options and opens a reverse tunnel", detail, isWeak: false };
}

function byDomain(args: readonly string[], lists: Lists): Tunnel | undefined {
  const hosts = args.flatMap((arg) => addressesIn(arg).map(({ host }) => host));
  const host = hosts.find((each) => domainOf(each, "tunnelDomains", lists) !== undefined);
  if (host === undefined) return undefined;
  return { what: "names an address that tunnels are published under", detail: host, isWeak: true };
}
