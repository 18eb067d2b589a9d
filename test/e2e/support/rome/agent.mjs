// Plays a coding agent for tests: runs the shell commands it is given, one JSON string a line on
// stdin, as an agent's tool would, and says the pid of each. Ends when stdin does.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const child = spawn("bash", ["-c", JSON.parse(line)], { stdio: "ignore" });
  child.unref();
  console.log(`started ${child.pid}`);
});
console.log("ready");
