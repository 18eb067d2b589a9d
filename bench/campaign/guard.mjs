/**
 * Ends what a campaign started when the campaign itself is gone, however it went: its standard input is
 * a pipe that only the campaign holds, so the kernel closes it even after kill -9. Everything that was
 * started carries a mark in its environment, which its own children inherit.
 * Usage: node guard.mjs NAME=MARK
 */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

const mark = `\0${process.argv[2]}\0`;
/** A process that was being started when the campaign died shows its mark a moment later. */
const QUIET_LOOKS = 5;

process.stdin.resume();
process.stdin.once("close", () => void endAll());

async function endAll() {
  for (let quiet = 0; quiet < QUIET_LOOKS; await pause(100)) quiet = killMarked() ? 0 : quiet + 1;
}

function killMarked() {
  const marked = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && isMarked(name));
  for (const pid of marked) kill(Number(pid));
  return marked.length > 0;
}

function isMarked(pid) {
  if (Number(pid) === process.pid) return false;
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, "latin1")}`.includes(mark);
  } catch {
    return false; // gone, or somebody else's
  }
}

function kill(pid) {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // gone
  }
}
