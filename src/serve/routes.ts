import type { FastifyInstance, FastifyReply } from "fastify";
import { formatInstant } from "../bill/instant.ts";
import { parseReportWindow } from "../bill/report-window.ts";
import { formatSpec } from "../bill/formats.ts";
import { makeReport } from "../bill/make-report.ts";
import type { StoredSlice } from "../ledger/contract.ts";
import { ownerKey } from "../model/owner.ts";
import { allocationAnswer } from "./allocation.ts";
import { incidentList, incidentView } from "./incidents.ts";
import { addOtlpRoutes } from "./otlp.ts";
import { noQuery, parseQuery, reportQuery, slicesQuery } from "./query.ts";
import type { LiveLabel, ServerSettings } from "./settings.ts";

/** Adds every route. All of them only read, but for those that take run context where it is wanted. */
export function addRoutes(app: FastifyInstance, settings: ServerSettings): void {
  if (settings.context) addOtlpRoutes(app, settings.context);
  app.get("/healthz", (_request, reply) => sendHealth(settings, reply));
  app.get("/metrics", async (_request, reply) => {
    const text = await settings.metrics.render();
    return reply.type(settings.metrics.contentType).send(text);
  });
  app.get("/api/v1/gpus", (request) => gpuList(settings, request.query));
  app.get("/api/v1/slices", (request) => slicePage(settings, request.query));
  app.get("/api/v1/incidents", (request) => incidentList(settings, request.query));
  app.get<{ Params: { id: string } }>("/api/v1/incidents/:id", (request) =>
    incidentView(settings, request.params.id, request.query),
  );
  app.get("/api/v1/report", (request, reply) => sendReport(settings, request.query, reply));
  app.get("/allocation/compute", (request) => allocationAnswer(settings, request.query));
}

function sendHealth({ health, nowMs }: ServerSettings, reply: FastifyReply): FastifyReply {
  const { node, agentVersion, startedAtMs, reasons } = health();
  const isOk = reasons.length === 0;
  return reply.code(isOk ? 200 : 503).send({
    status: isOk ? "ok" : "degraded",
    reasons,
    node,
    agentVersion,
    startedAt: formatInstant(startedAtMs),
    uptimeMs: nowMs() - startedAtMs,
  });
}

async function gpuList({ ledger, live }: ServerSettings, raw: unknown) {
  parseQuery(noQuery, raw);
  const [gpus, ends] = [await ledger.gpus(), await ledger.lastSliceEnds()];
  const views = gpus.map(({ firstSeenMs, ...gpu }) => {
    const endMs = ends.get(gpu.uuid);
    return {
      ...gpu,
      firstSeen: formatInstant(firstSeenMs),
      lastSliceEnd: endMs === undefined ? undefined : formatInstant(endMs),
      live: liveView(live?.(gpu.uuid)),
    };
  });
  return { gpus: views };
}

function liveView(newest: LiveLabel | undefined) {
  if (!newest) return undefined;
  const { window, ...verdict } = newest;
  return { ...verdict, from: formatInstant(window.fromMs), to: formatInstant(window.toMs) };
}

async function slicePage({ ledger, nowMs }: ServerSettings, raw: unknown) {
  const query = parseQuery(slicesQuery, raw);
  const extent = await ledger.extent();
  const isAll = query.from === undefined && query.to === undefined;
  if (isAll && !extent) return { slices: [], next: undefined };
  const window = parseReportWindow(query.from, query.to, nowMs(), extent);
  const { limit } = query;
  const found = await ledger.slices({
    ...window,
    gpuUuid: query.gpu,
    ownerKey: query.owner,
    label: query.label,
    limit: limit + 1,
    afterSequence: query.after,
  });
  const slices = found.slice(0, limit);
  const next = found.length > limit ? slices.at(-1)?.sequence : undefined;
  return { slices: slices.map(sliceView), next };
}

function sliceView({ fromMs, toMs, owner, gpuUuid, ...slice }: StoredSlice) {
  return {
    ...slice,
    gpu: gpuUuid,
    owner: ownerKey(owner),
    from: formatInstant(fromMs),
    to: formatInstant(toMs),
  };
}

async function sendReport(
  { ledger, prices, billing, health, nowMs }: ServerSettings,
  raw: unknown,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const query = parseQuery(reportQuery, raw);
  const madeBy = `gpu-assay ${health().agentVersion}`;
  const request = { ...query, names: billing, madeBy };
  const report = await makeReport(request, ledger, prices(), nowMs());
  const { contentType, extension, isDownload, contentPolicy } = formatSpec(query.format);
  if (contentPolicy !== undefined)
    reply.header("content-security-policy", `${contentPolicy}; frame-ancestors 'none'`);
  if (isDownload) reply.header("content-disposition", `attachment; filename="report.${extension}"`);
  const body = typeof report === "string" ? report : Buffer.from(report);
  return reply.type(contentType).send(body);
}
