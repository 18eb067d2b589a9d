import type { ProcessNode } from "../../alert/view/tree.ts";
import type { Page } from "../inspect/lines.ts";

interface Shape {
  last: string;
  middle: string;
  under: string;
  none: string;
}

const UNICODE: Shape = { last: "└ ", middle: "├ ", under: "│ ", none: "  " };
const ASCII: Shape = { last: "`-", middle: "|-", under: "| ", none: "  " };

/**
 * A line a process, children below their parent. `*` marks those that evidence names, `G` those that
 * were on a GPU. A line that is too long is cut: the whole command is in the JSON.
 */
export function processLines(nodes: readonly ProcessNode[], { width, unicode }: Page): string[] {
  const shape = unicode ? UNICODE : ASCII;
  const lines: string[] = [];
  const walk = (node: ProcessNode, head: string, under: string): void => {
    lines.push(cut(`${marks(node)} ${head}${words(node)}`, width - 2, unicode));
    node.children.forEach((child, i) => {
      const isLast = i === node.children.length - 1;
      walk(
        child,
        under + (isLast ? shape.last : shape.middle),
        under + (isLast ? shape.none : shape.under),
      );
    });
  };
  for (const node of nodes) walk(node, "", "");
  return lines;
}

function marks({ isNamed, gpus }: ProcessNode): string {
  return `${isNamed ? "*" : " "}${gpus.length > 0 ? "G" : " "}`;
}

function words({ pid, name, command, user }: ProcessNode): string {
  const said = command ?? name ?? "?";
  const isNamedElse = command !== undefined && name !== undefined && !command.includes(name);
  return `${pid} ${user === undefined ? "" : `(${user}) `}${said}${isNamedElse ? ` [${name}]` : ""}`;
}

function cut(line: string, width: number, unicode: boolean): string {
  if (line.length <= width) return line;
  const end = unicode ? "…" : "...";
  return line.slice(0, width - end.length) + end;
}
