/**
 * Stands in for a workload of the campaign: sleeps, prints what a workload prints, and misbehaves on
 * request. Usage: node dry.mjs MANNER [--seconds N] [--wait] [--profile]
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

const [manner, ...rest] = process.argv.slice(2);
const seconds = Number(rest[rest.indexOf("--seconds") + 1]);
const say = (event, more) =>
  process.stdout.write(`${JSON.stringify({ event, t: Date.now() / 1000, ...more })}\n`);
const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());

/** Who was started, for the tests to look after. */
const note = process.env["DRY_PIDS"];
if (note !== undefined) appendFileSync(note, `${process.pid} ${manner}\n`);
/** The stand-in driver lists who is on its first device; it reads this when it is opened next. */
const script = process.env["DRY_SCRIPT"];
if (script !== undefined) {
  const before = readFileSync(script, "utf8").replace(/^gpu0\.compute .*\n/m, "");
  writeFileSync(`${script}.dry`, `${before}gpu0.compute ${process.pid}:1000000000\n`);
  renameSync(`${script}.dry`, script);
}

if (rest.includes("--wait")) {
  say("imported");
  const [line] = await Promise.race([once(process.stdin, "data"), once(process.stdin, "end")]);
  if (line === undefined) process.exitCode = 1;
  if (manner === "late-refuser") {
    say("refused", { reason: "not on this GPU" });
  }
}
process.stdin.destroy();
await run();

async function run() {
  if (process.exitCode === 1) return;
  process.stdout.write("a line that is no event\n{broken\n");
  await pause(100);
  if (manner === "failing") return fail("no such kernel image");
  if (manner === "refusing") return say("refused", { reason: "needs 999 GB" });
  if (manner === "hanging") return pause(600_000);
  if (manner === "parent") spawn("sleep", ["600"], { stdio: "ignore" }).unref();
  say("ready");
  if (rest.includes("--profile")) return profile();
  return work();
}

async function work() {
  const start = performance.now();
  const elapsed = () => (performance.now() - start) / 1000;
  let on;
  const isOver = () => manner !== "stubborn" && (elapsed() >= seconds || stop.signal.aborted);
  while (!isOver()) {
    await pause(20);
    if (manner === "crashing" && elapsed() > 0.5) return fail("illegal memory access");
    if (manner === "waiting" && elapsed() > seconds - 0.1) await pause(600_000);
    const wanted = elapsed() % 1 < 0.5;
    if (manner === "duty" && wanted !== on) say("phase", { on: (on = wanted) });
  }
  const launch = { name: "nap", grid: [1, 1, 1], block: [32, 1, 1], count: 3 };
  say("kernel", { ...launch, seconds: elapsed() });
  say("done", { throughput: 12.5, unit: "naps/s", peakBytes: 1000 });
}

async function profile() {
  await pause(100);
  const list = [
    { name: "nap", grid: [1, 1, 1], block: [32, 1, 1], count: 3, durationSeconds: 0.05 },
  ];
  say("launches", { windowSeconds: 0.1, list });
}

function fail(why) {
  process.stderr.write(`${why}\n`);
  process.exitCode = 3;
}
