import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { LABELS } from "../model/label.ts";
import { ownerKey } from "../model/owner.ts";
import { instant, parseQuery } from "./query.ts";
import type { ServerParts } from "./server.ts";

const MAX_SLICES = 5000;
const DEFAULT_SLICES = 500;

const querySchema = z.strictObject({
  from: instant.optional(),
  to: instant.optional(),
  gpu: z.string().max(256).optional(),
  owner: z.string().max(512).optional(),
  label: z.enum(LABELS).optional(),
  limit: z.coerce.number().int().min(1).max(MAX_SLICES).default(DEFAULT_SLICES),
  after: z.coerce.number().int().min(0).optional(),
});

/** `/api/v1/slices`: the ledger's rows in order; `next` continues where a page ended. */
export function sliceRoute(app: FastifyInstance, parts: ServerParts): void {
  app.get("/api/v1/slices", async (request) => {
    const query = parseQuery(querySchema, request.query);
    const found = await parts.ledger.slices({
      fromMs: query.from ?? 0,
      toMs: query.to ?? parts.nowMs(),
      gpuUuid: query.gpu,
      ownerKey: query.owner,
      label: query.label,
      limit: query.limit,
      afterSequence: query.after,
    });
    const slices = found.map(({ owner, ...slice }) => ({ ...slice, owner: ownerKey(owner) }));
    const next = found.length === query.limit ? (found.at(-1)?.sequence ?? null) : null;
    return { slices, next };
  });
}
