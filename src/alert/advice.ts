import type { Incident } from "../model/incident.ts";

/** What a person should do next, in one or two sentences; never names anybody a culprit. */
export function adviceFor(incident: Incident): string {
  if (incident.state === "resolved") return "Nothing to do now. The ledger keeps the slices.";
  const simulated = incident.simulated ? "No real device was measured: this is a simulation. " : "";
  if (incident.rule.startsWith("budget-"))
    return `${simulated}Look at the owner's cost lines; raise the limit or talk to the owner.`;
  switch (incident.severity) {
    case "critical":
      return (
        `${simulated}Look at the named processes on the node before you stop anything, and keep ` +
        "their command lines and executables. Then check how they were started and by which account."
      );
    case "warning":
      return (
        `${simulated}The processes look like a miner, the device does not. Check what they are and ` +
        "whether they are disguised, idle or harmless."
      );
    case "notice":
      return (
        `${simulated}Ask the owner what runs, or look at the processes yourself. Telemetry alone ` +
        "can mistake other steady integer work for mining: take no action on it alone."
      );
  }
}
