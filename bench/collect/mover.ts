/** Keeps the stand-in's answers up to the second, in a process of its own: it must not be measured. */
import { scriptNvmlStub } from "../../test/support/nvml-stub.ts";
import { busyNode } from "./node.ts";

const [library, ...pids] = process.argv.slice(2);
if (library === undefined) throw new Error("usage: mover.ts LIBRARY PID…");
setInterval(() => scriptNvmlStub(library, busyNode(pids.map(Number), Date.now())), 1000);
process.on("disconnect", () => process.kill(process.pid));
