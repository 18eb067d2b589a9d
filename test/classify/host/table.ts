import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import type { ProcessSighting } from "../../../src/model/sample.ts";

const row = z.strictObject({
  cmd: z.string().optional(),
  argv: z.array(z.string()).optional(),
  exe: z.string().optional(),
  comm: z.string().optional(),
  cgroup: z.string().optional(),
  environ: z.record(z.string(), z.string()).optional(),
  mapped: z.array(z.string()).optional(),
  holdsDevice: z.boolean().optional(),
  smUtil: z.number().optional(),
  memUsedBytes: z.number().optional(),
  why: z.string().optional(),
  silent: z.boolean().default(false),
  as: z.enum(["miner", "hint", "tunnel", "weakTunnel"]).optional(),
});

export interface Row {
  title: string;
  process: ProcessSighting;
  silent: boolean;
  as: z.infer<typeof row>["as"];
}

/** A table of processes: `cmd` is split at blanks, and a `~` in it stands for one. */
export function readTable(name: string): Row[] {
  const text = readFileSync(new URL(name, import.meta.url), "utf8");
  return z
    .array(row)
    .parse(parse(text))
    .map(({ cmd, argv, why, silent, as, ...rest }) => {
      const words = argv ?? cmd?.split(" ").map((word) => word.replaceAll("~", " ")) ?? [];
      const title = `${words.join(" ")}${why === undefined ? "" : `: ${why}`}`;
      return { title, process: { pid: 7, argv: words, ...rest }, silent, as };
    });
}
