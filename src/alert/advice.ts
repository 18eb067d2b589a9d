import type { Incident } from "../model/incident.ts";

/** What a person should do next, in one or two sentences; never names anybody a culprit. */
export function adviceFor(incident: Incident): string {
  if (incident.state === "resolved") return "Nothing to do now. The ledger keeps the slices.";
  const simulated = incident.simulated ? "No real device was measured: this is a simulation. " : "";
  return simulated + (ofRule(incident.rule) ?? ofMining(incident.severity));
}

/** Where the advice does not depend on how grave it is. */
function ofRule(rule: string): string | undefined {
  if (rule.startsWith("budget-"))
    return "Look at the owner's cost lines; raise the limit or talk to the owner.";
  switch (rule) {
    case "hidden-use":
      return (
        "Check first whether the agent sees all processes of the host (`assay doctor`): another pid " +
        "namespace looks the same. If it does, look for a process that hides, from outside the host."
      );
    case "tunnel":
      return (
        "Ask the owner what the tunnel is for; look at where it leads and at who started it before " +
        "you close it. Development often needs one, a training job seldom does."
      );
    case "pool":
      return (
        "Look at the process that holds the connection, and keep its command line and executable " +
        "before you stop anything. Contact the address from nowhere on the cluster."
      );
    case "probing":
      return (
        "Compare the addresses with those of the job's own nodes and services: a start of many " +
        "workers looks alike. What belongs to none of them deserves a question."
      );
    case "ledger-unwritable":
      return (
        "Free space on the disk, or raise ledger.maxSize, before the agent's memory is full: what is " +
        "lost after that is missing from every report. Keep the daemon running meanwhile."
      );
    case "egress":
      return "Ask what the destination is for, and then either allow it in the configuration or close it.";
    default:
      return undefined;
  }
}

function ofMining(severity: Incident["severity"]): string {
  switch (severity) {
    case "critical":
      return (
        "Look at the named processes on the node before you stop anything, and keep " +
        "their command lines and executables. Then check how they were started and by which account."
      );
    case "warning":
      return (
        "The processes or their connections look like a miner's, the device does not. Check what " +
        "they are and whether they are disguised, idle or harmless."
      );
    case "notice":
      return (
        "Ask the owner what runs, or look at the processes yourself. Telemetry alone " +
        "can mistake other steady integer work for mining: take no action on it alone."
      );
  }
}
