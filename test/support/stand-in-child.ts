import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { AdapterDescription } from "../../src/probe/protocol.ts";
import { builtUrl } from "./built.ts";
import { temporaryFolder } from "./temporary.ts";

const ADAPTER: AdapterDescription = {
  vendor: "nobody",
  architecture: "",
  device: "stand-in",
  description: "stand-in",
  isFallbackAdapter: true,
  software: true,
  timestamps: false,
  features: [],
  languageFeatures: [],
  matrixConfigs: [],
  limits: {},
};

/**
 * A device process that answers `describe` as it should and does anything else as `body` says,
 * which sees `kind`, `id` and `send(reply)`. `before` runs first.
 */
export function standInChild(body: string, before = ""): URL {
  const path = join(temporaryFolder("assay-stand-in"), "child.mjs");
  writeFileSync(
    path,
    `import { spawn } from "node:child_process";
    import { watchParent } from ${JSON.stringify(fileURLToPath(builtUrl("probe/parent-watch.js")))};
    const send = (reply) => process.send(reply);
    watchParent(JSON.parse(process.argv[2]).parentPid);
    const hang = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    ${before}
    process.on("message", ({ kind, id }) => {
      if (kind === "describe") return send({ kind: "described", id, adapter: ${JSON.stringify(ADAPTER)} });
      ${body}
    });`,
  );
  return pathToFileURL(path);
}
