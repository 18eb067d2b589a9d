import type { Lists } from "./lists.ts";

/** What a process opens, and where to. `detail` is the observed user's. */
export interface Tunnel {
  what: string;
  detail: string;
  /** Ordinary beside honest work: shown, and no alert is made of it. */
  isWeak: boolean;
}

type Judge = (args: readonly string[]) => Tunnel | undefined;

/** Programs that do other things, too: which of their calls open a tunnel. */
const JUDGES: ReadonlyMap<string, Judge> = new Map<string, Judge>([
  ["chisel", chisel],
  ["cloudflared", cloudflared],
  ["tailscaled", tailscaled],
  ["socat", socat],
]);

/** Arguments shown of a program whose options are not taken apart. */
const SHOWN = 8;

/** A program whose purpose is a tunnel, when it opens one; also as a module or script of Python. */
export function programTunnel(
  name: string,
  args: readonly string[],
  asking: ReadonlySet<string>,
  lists: Lists,
): Tunnel | undefined {
  const short = name.replace(/\.(?:exe|py)$/, "");
  const judge = JUDGES.get(short);
  if (judge) return judge(args);
  if (!lists.has("tunnelPrograms", short)) return undefined;
  if (args.length > 0 && args.every((arg) => asking.has(arg))) return undefined;
  return strong(`runs the tunnel ${short}`, args);
}

function strong(what: string, args: readonly string[]): Tunnel {
  return { what, detail: withoutSecrets(args).slice(0, SHOWN).join(" "), isWeak: false };
}

const SECRET = /^--?(?:token|password|pass|auth|authtoken|key|secret)$/i;
const SECRET_IN_ONE = /^(--?(?:token|password|pass|auth|authtoken|key|secret)=).*/is;

/** A tunnel's token opens it for whoever reads the evidence. */
function withoutSecrets(args: readonly string[]): string[] {
  return args
    .slice(0, SHOWN * 2)
    .map((arg, i) => (SECRET.test(args[i - 1] ?? "") ? "…" : arg.replace(SECRET_IN_ONE, "$1…")));
}

/** `chisel client URL R:2222:localhost:22`. */
function chisel(args: readonly string[]): Tunnel | undefined {
  const side = args.find((arg) => arg === "client" || arg === "server");
  if (side === undefined) return undefined;
  const isReverse = args.some((arg) => arg.startsWith("R:") || arg === "--reverse");
  return strong(`runs the tunnel chisel${isReverse ? ", in reverse" : ""}`, args);
}

/** `cloudflared tunnel --url http://localhost:8888`, `… tunnel run --token …`. */
function cloudflared(args: readonly string[]): Tunnel | undefined {
  const options = new Set(args.map((arg) => arg.split("=", 1)[0] ?? ""));
  const opens = options.has("--token") || options.has("--url") || options.has("--hello-world");
  const runs = args.includes("tunnel") && args.includes("run");
  return opens || runs ? strong("runs the tunnel cloudflared", args) : undefined;
}

/** Without a network of its own, which a container cannot have, it is a proxy. */
function tailscaled(args: readonly string[]): Tunnel | undefined {
  const proxy = args.find((arg) =>
    /^--?(?:socks5-server|outbound-http-proxy-listen)(?:=|$)/.test(arg),
  );
  return proxy === undefined ? undefined : strong("runs tailscaled as a proxy", args);
}

const LISTENER =
  /^(?:tcp[46]?|udp[46]?|ssl|openssl|sctp[46]?|vsock|ws)-l(?:isten)?(?::|$)|^(?:udp[46]?-recv(?:from)?|socks\w*-listen)(?::|$)/i;
const CONNECTOR = /^(?:tcp[46]?|openssl|ssl|socks\w*|proxy|sctp[46]?|udp[46]?)(?:-connect)?:/i;
const SHELL = /^(?:exec|system|shell):/i;

/** Sockets of one machine among themselves are ordinary; listening for others, or a shell, is not. */
function socat(args: readonly string[]): Tunnel | undefined {
  if (args.some((arg) => LISTENER.test(arg))) return strong("listens and hands on (socat)", args);
  const isShell = args.some((arg) => SHELL.test(arg)) && args.some((arg) => CONNECTOR.test(arg));
  return isShell ? strong("hands a shell to another host (socat)", args) : undefined;
}
