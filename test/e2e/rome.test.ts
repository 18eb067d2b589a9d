import { rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { compileNvmlStub, type NvmlScript, scriptNvmlStub } from "../support/nvml-stub.ts";
import { type Assay, assay, start, tempDir } from "./support/assay.ts";
import { JOB_ID, missingForRome, POOL, RomeStage } from "./support/rome/stage.ts";
import { postSpans, type Span } from "./support/rome/telemetry.ts";

const missing = missingForRome();
const suffix = missing === undefined ? "" : ` (skipped: ${missing})`;

const SERVICE = "rl-rollouts";
const UUID = "GPU-stand-in-0";
const GIB = 1024 ** 3;

const REST: NvmlScript = { devices: 1, util: 0, power: 70_000, "gpu0.energy": 1000 };

/** What the stand-in device shows while a process hashes on it: full, steady, and hardly any memory. */
const hashing = (pid: number): NvmlScript => ({
  devices: 1,
  util: 100,
  power: 690_000,
  "gpu0.energy": 2000,
  "gpu0.compute": `${pid}:${GIB}`,
  "gpu0.samples": `${pid}:0:99:2`,
});

interface Daemon {
  url: string;
  program: Assay;
  stateDir: string;
  library: string;
}

async function daemon(): Promise<Daemon> {
  const library = compileNvmlStub({ script: REST });
  onTestFinished(() => rmSync(dirname(library), { recursive: true }));
  const [dir, stateDir] = [tempDir(), tempDir()];
  const config = join(dir, "config.yaml");
  const lines = [
    "node: rome-node",
    "windowLength: 1s",
    "collect:",
    "  interval: 200ms",
    "  pids: trusted",
    `  nvml: { library: ${JSON.stringify(library)} }`,
    "  host: { interval: 1s }",
    "context: { otlp: { enabled: true } }",
    "alert: { mining: { dwell: 4s, clear: 1h } }",
  ];
  writeFileSync(config, `${lines.join("\n")}\n`);
  const args = ["run", "--config", config, "--state-dir", stateDir, "--listen", "127.0.0.1:0"];
  const program = start(args);
  const url = await program.address();
  await program.says("stdout", /gpu0 idle/);
  return { url, program, stateDir, library };
}

const listed = z.looseObject({
  incidents: z.array(z.looseObject({ id: z.string(), rule: z.string() })),
});

const detail = z.looseObject({
  id: z.string(),
  severity: z.string(),
  evidence: z.unknown(),
  causes: z.array(z.looseObject({ tool: z.string().optional() })).optional(),
});

type Detail = z.infer<typeof detail>;

async function get(url: string): Promise<unknown> {
  return (await fetch(url)).json();
}

/** The incident of a rule with all that is known of it. */
async function incidentOf(url: string, rule: string): Promise<Detail | undefined> {
  const { incidents } = listed.parse(await get(`${url}/api/v1/incidents`));
  const found = incidents.find((incident) => incident.rule === rule);
  return found && detail.parse(await get(`${url}/api/v1/incidents/${found.id}`));
}

async function until<T>(look: () => Promise<T | undefined>, what: string): Promise<T> {
  const endMs = Date.now() + 60_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > endMs) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function toolCall(id: number, tool: string, text: string, [fromMs, toMs]: [number, number]): Span {
  return {
    id,
    name: `execute_tool ${tool}`,
    fromMs,
    toMs,
    attributes: {
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": tool,
      "gen_ai.tool.call.arguments": text,
      "gen_ai.conversation.id": `episode-${id}`,
    },
  };
}

it.skipIf(missing !== undefined)(
  `ROME: the incident names the tool call, the tunnel, the pool and the GPU time${suffix}`,
  async () => {
    const stage = new RomeStage(tempDir());
    await stage.open();
    const agent = await stage.agent();
    const { url, stateDir, library } = await daemon();

    // An ordinary call first, and another episode's call that spans the whole story.
    const beganMs = Date.now();
    await agent.run("ls / > /dev/null");
    await postSpans(url, SERVICE, [
      toolCall(1, "read_file", '{"path":"README.md"}', [beganMs - 60_000, beganMs - 30_000]),
      toolCall(2, "run_tests", '{"path":"tests"}', [beganMs - 300_000, beganMs + 1000]),
    ]);

    // The call that did it: a tunnel out, and a miner on the GPU.
    const onsetMs = Date.now();
    const shell = await agent.run(`${stage.tunnelCommand}; ${stage.minerCommand}`);
    const minerPid = await until(async () => stage.minerPid(), "the miner starts");
    scriptNvmlStub(library, hashing(minerPid));
    await postSpans(url, SERVICE, [
      {
        ...toolCall(3, "execute_bash", `{"command":"./t-rex"}`, [onsetMs, Date.now()]),
        attributes: {
          ...toolCall(3, "execute_bash", '{"command":"./t-rex"}', [0, 0]).attributes,
          "process.pid": shell,
        },
      },
    ]);

    const mining = await until(async () => {
      const found = await incidentOf(url, "mining");
      return found?.severity === "critical" && found.causes?.length ? found : undefined;
    }, "a critical mining incident with a cause");

    expect(mining).toMatchObject({ owner: `job:slurm:${JOB_ID}`, gpu: UUID, state: "firing" });
    expect(mining.causes?.[0]).toMatchObject({ tool: "execute_bash" });
    const evidence = JSON.stringify(mining.evidence);
    expect(evidence).toContain("poolConnection");
    expect(evidence).toContain(`${POOL.address}`);
    expect(evidence).toContain("tunnel");

    const shown = await assay(["incident", "show", mining.id, "--state-dir", stateDir]);
    expect(shown).toMatchObject({ code: 0 });
    for (const said of ["execute_bash", "t-rex", "ssh", `${POOL.address}`, UUID, JOB_ID])
      expect(shown.stdout).toContain(said);
    // What holds of every cause is said once, of all of them.
    expect(shown.stdout.replaceAll(/\s+/g, " ").match(/right moment is no proof/g)).toHaveLength(1);
  },
  120_000,
);
