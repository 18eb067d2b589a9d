import { z } from "zod";
import type { WireError } from "../../model/error-wire.ts";
import type { Observation } from "../../model/observation.ts";
import type { OpenResult } from "../contract.ts";

const milliseconds = z.number().min(0);

/** What a reading thread is started with: it crosses a thread, so it is checked there. */
export const threadOptions = z.object({
  /** Where the processes are that the source names by pid. */
  procRoot: z.string().min(1),
  pids: z.enum(["auto", "trusted"]).optional(),
  source: z.discriminatedUnion("kind", [
    z.object({
      kind: z.literal("nvml"),
      node: z.string(),
      intervalMs: milliseconds,
      library: z.string().optional(),
      simulated: z.boolean().optional(),
      lostDevice: z.object({ firstMs: milliseconds, maxMs: milliseconds }).optional(),
    }),
  ]),
});

export type ThreadOptions = z.infer<typeof threadOptions>;

/** Something a person should know and could mend, though the source works. */
export interface Notice {
  text: string;
  hint: string;
}

/** `nowMs` is the caller's monotonic clock: a source keeps none of its own. */
export type ThreadRequest =
  | { id: number; call: "open"; nowMs: number }
  | { id: number; call: "collect"; atMs: number; nowMs: number }
  | { id: number; call: "close" };

export type ThreadResult = OpenResult | readonly Observation[] | undefined;

export type ThreadMessage =
  | { id: number; ok: true; value: ThreadResult; notice?: Notice | undefined }
  | { id: number; ok: false; error: WireError };
