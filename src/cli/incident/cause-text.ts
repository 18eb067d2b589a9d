import type { CauseView } from "../../alert/view/parts.ts";
import { clock, clockBeside } from "./words.ts";

/** `tool bash of agent rollout-7, episode ep-17` */
export function causeName(cause: CauseView): string {
  const { tool, agent, service, run, episode, session, container } = cause;
  const who = agent ?? service;
  const head = tool === undefined ? undefined : `tool ${tool}`;
  const parts = [
    head === undefined ? who : who === undefined ? head : `${head} of ${who}`,
    run === undefined ? undefined : `run ${run}`,
    episode === undefined ? undefined : `episode ${episode}`,
    session === undefined ? undefined : `session ${session}`,
    container === undefined ? undefined : `container ${container}`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? "a run without a name" : parts.join(", ");
}

export function causeLines(cause: CauseView): string[] {
  const { score, from, to, reasons, image, service, agent } = cause;
  const more = [
    agent !== undefined && service !== undefined ? `service ${service}` : undefined,
    image === undefined ? undefined : `image ${image}`,
    cause.pids?.length ? `pid ${cause.pids.join(", ")}` : undefined,
  ].filter((part) => part !== undefined);
  const end = to === undefined ? "without an end" : `to ${clockBeside(to, from)}`;
  const lines = [
    `${score.toFixed(2)}  ${causeName(cause)}`,
    `      ${[`${clock(from)} ${end}`, ...more].join("; ")}`,
  ];
  if (cause.arguments !== undefined) lines.push(`      called with: ${cause.arguments}`);
  for (const reason of reasons) lines.push(`      - ${reason}`);
  return lines;
}
