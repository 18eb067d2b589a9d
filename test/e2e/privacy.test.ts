import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it, onTestFinished } from "vitest";
import { tracesOf } from "../ledger/privacy/records-of.ts";
import { assay, DEMO, start, tempDir } from "./support/assay.ts";

const NAME = "alicezx";
const TIMES_FASTER = "300";
const PATIENCE_MS = 120_000;

/** The demonstration as of a real node on which one user does everything, and signs it with his name. */
function recording(): string {
  const text = gunzipSync(readFileSync(DEMO))
    .toString("utf8")
    .replace('"simulated":true', '"simulated":false')
    .replaceAll(/"user":"(?:root|alice)"/g, `"user":"${NAME}","uid":1007`)
    .replaceAll(/,"cgroup":"[^"]*"/g, `,"cgroup":"/user.slice/user-1007.slice/session-7.scope"`)
    .replaceAll('"small.yaml"', `"/home/${NAME}/small.yaml"`)
    .replaceAll('"exe":"/', `"exe":"/home/${NAME}/`);
  const file = join(tempDir(), "recording.ndjson");
  writeFileSync(file, text);
  return file;
}

interface Emitted {
  webhooks: string;
  api: string;
  output: string;
  stateDir: string;
}

/** Everything that a daemon on the recording says to anybody. */
async function emitted(privacy: string): Promise<Emitted> {
  let webhooks = "";
  const onCall = createServer((request, response) => {
    request.setEncoding("utf8").on("data", (text: string) => (webhooks += text));
    request.on("end", () => response.end());
  });
  onTestFinished(() => void onCall.close());
  await once(onCall.listen(0, "127.0.0.1"), "listening");
  const address = onCall.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const dir = tempDir();
  const [config, prices, contexts] = ["config.yaml", "prices.yaml", "context.jsonl"].map((name) =>
    join(dir, name),
  ) as [string, string, string];
  const at = "2026-01-05T09:05:00Z";
  writeFileSync(
    contexts,
    `${JSON.stringify({ from: at, tool: "bash", arguments: `su ${NAME}`, run: `of-${NAME}`, agent: NAME })}\n`,
  );
  const hook = `{name: on-call, url: "http://127.0.0.1:${port}/x", secretEnv: HOOK_SECRET}`;
  const budget = `{owner: "user:${NAME}", limit: "0.01", period: day}`;
  writeFileSync(
    config,
    [
      `alert: {webhooks: [${hook}], budgets: [${budget}]}`,
      `egress: [{owner: "user:${NAME}", allow: [10.0.0.0/8]}]`,
      `owners: {teams: [{when: {user: "${NAME}"}, team: team-of-his}]}`,
      `log: {level: debug}`,
      `privacy: ${privacy}`,
    ].join("\n"),
  );
  writeFileSync(prices, 'currency: USD\ngpus:\n  - model: "*"\n    perHour: 3.00\n');
  const stateDir = join(dir, "state");
  const secret = { HOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString("base64")}` };
  const daemon = start(
    ["run", "--recording", recording(), "--speed", TIMES_FASTER, "--state-dir", stateDir].concat([
      "--config",
      config,
      "--listen",
      "127.0.0.1:0",
    ]),
    secret,
  );
  const url = await daemon.address();
  await daemon.says("stdout", /ALERT firing, critical/);
  let api = "";
  for (const path of [
    "/metrics",
    "/healthz",
    "/api/v1/incidents",
    "/api/v1/report?groupBy=owner",
    "/api/v1/slices?from=2026-01-05T09:00:00Z&to=2026-01-05T10:00:00Z",
    "/api/v1/gpus",
  ]) {
    const answer = await fetch(url + path);
    api += `${path} ${answer.status}\n${await answer.text()}\n`;
  }
  daemon.kill("SIGTERM");
  const { stdout, stderr, code } = await daemon.ended;
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return { webhooks, api, output: stdout + stderr, stateDir };
}

describe("a daemon with pseudonyms", { timeout: PATIENCE_MS }, () => {
  it("says no name to anybody, and keeps none; rules on names hold all the same", async () => {
    const { webhooks, api, output, stateDir } = await emitted(
      "{users: pseudonym, keepCommands: forever}",
    );
    for (const text of [webhooks, api, output]) {
      expect(text).toMatch(/user:p-[a-z2-7]{16}/);
      expect(text).not.toContain(NAME);
      expect(text).not.toContain("user-1007");
    }
    expect(tracesOf(stateDir, NAME)).toEqual({});
    expect(tracesOf(stateDir, "1007.slice")).toEqual({});
    expect(Object.keys(tracesOf(stateDir, "team-of-his"))).not.toEqual([]);
    const [, pseudonym = ""] = /user:(p-[a-z2-7]{16})/.exec(webhooks) ?? [];
    const names = join(tempDir(), "passwd");
    writeFileSync(names, `root:x:0:0::/:\n${NAME}:x:1007:1007::/home/x:\n`);
    const whois = [
      "privacy",
      "whois",
      `user:${pseudonym}`,
      "--names",
      names,
      "--state-dir",
      stateDir,
    ];
    expect((await assay(whois)).stdout).toBe(`${pseudonym}\t${NAME}\n`);
    const called = await assay(["privacy", "pseudonym", NAME, "--state-dir", stateDir]);
    expect(called.stdout).toBe(`${pseudonym}\t${NAME}\n`);
    const elsewhere = await assay([...whois.slice(0, -1), tempDir()]);
    expect(elsewhere).toMatchObject({ code: 2, stdout: "" });
  });

  it("without them, the name is in all of these places: the test above looks where it should", async () => {
    const { webhooks, api, output, stateDir } = await emitted("{users: plain}");
    for (const text of [webhooks, api, output]) expect(text).toContain(`user:${NAME}`);
    expect(tracesOf(stateDir, NAME)).not.toEqual({});
    expect(tracesOf(stateDir, "small.yaml")).not.toEqual({});
  });

  it("keeps of commands what the configuration says", async () => {
    const kept = async (commands: string): Promise<string> => {
      const [config, stateDir] = [join(tempDir(), "config.yaml"), join(tempDir(), "state")];
      writeFileSync(config, `privacy: {commands: ${commands}}\nserve: {enabled: false}\n`);
      const args = ["run", "--recording", recording(), "--speed", "max"];
      const { code, stderr } = await assay([...args, "--state-dir", stateDir, "--config", config]);
      expect({ code, stderr }).toMatchObject({ code: 0 });
      return stateDir;
    };
    const [full, program, none] = [await kept("full"), await kept("program"), await kept("none")];
    expect(tracesOf(full, "small.yaml")).not.toEqual({});
    expect(tracesOf(program, "small.yaml")).toEqual({});
    expect(tracesOf(program, '"comm":"torchrun"')).not.toEqual({});
    expect(tracesOf(none, '"comm":')).toEqual({});
  });
});
