import type { FastifyInstance } from "fastify";
import type { ServerParts } from "./server.ts";

/** `/api/v1/gpus`: the devices, each with its newest verdict. */
export function gpuRoutes(app: FastifyInstance, parts: ServerParts): void {
  app.get("/api/v1/gpus", async () => {
    const gpus = await parts.gpus();
    return { gpus: gpus.map((gpu) => ({ ...gpu, live: parts.live(gpu.uuid) ?? null })) };
  });
}
