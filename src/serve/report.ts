import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { parseQuery } from "./query.ts";
import type { ServerParts } from "./server.ts";

export interface ReportRequest {
  from?: string | undefined;
  to?: string | undefined;
  groupBy?: string | undefined;
  format: "json" | "csv" | "table";
}

/** Builds and renders a report; the bill room's, wired in by the daemon. */
export type ReportMaker = (request: ReportRequest) => Promise<string>;

const querySchema = z.strictObject({
  from: z.string().max(64).optional(),
  to: z.string().max(64).optional(),
  groupBy: z.string().max(64).optional(),
  format: z.enum(["json", "csv", "table"]).default("json"),
});

const TYPES = {
  json: "application/json; charset=utf-8",
  csv: "text/csv; charset=utf-8",
  table: "text/plain; charset=utf-8",
} as const;

/** `/api/v1/report`: the same report as `assay report`. */
export function reportRoute(app: FastifyInstance, parts: ServerParts): void {
  app.get("/api/v1/report", async (request, reply) => {
    const query = parseQuery(querySchema, request.query);
    return reply.type(TYPES[query.format]).send(await parts.report(query));
  });
}
