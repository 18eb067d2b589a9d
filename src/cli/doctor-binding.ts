import { bindingFor, type Binding, type BindingFacts } from "../probe/binding.ts";
import type { Finding } from "./doctor-findings.ts";
import type { DeviceView } from "./doctor-sources.ts";

const HOW: Readonly<Record<Binding["kind"], string>> = {
  "only-gpu": "the only GPU with device files here",
  namespace: "shown to its process alone, by a mount namespace",
  environment: "asked for by the drivers' variables, and looked at",
  none: "cannot be asked for",
};
const NAMESPACE_HINT =
  "let the daemon make mount namespaces: run it as root with CAP_SYS_ADMIN, or allow unprivileged user namespaces";
const MEMORY_HINT = "a source that reads the memory in use is needed to confirm a GPU: see below";

/**
 * Whether the process that runs reference kernels could be tied to each GPU, as far as that is known
 * without running one; undefined where there is none.
 */
export function bindingFinding(
  devices: readonly DeviceView[],
  facts: BindingFacts,
): Finding | undefined {
  if (devices.length === 0) return undefined;
  const groups = new Map<string, number[]>();
  const hints = new Set<string>();
  let isMissing = false;
  for (const device of devices) {
    const { kind, reason } = bindingFor(device, facts);
    const isSeen = measuresMemory(device);
    const how = kind === "none" ? `${HOW[kind]} (${reason})` : HOW[kind];
    const text = isSeen ? how : `${how}, but cannot be confirmed: its memory is not measured`;
    groups.set(text, [...(groups.get(text) ?? []), device.index]);
    if (!isSeen) hints.add(MEMORY_HINT);
    if (kind === "none" && facts.ability.reason !== undefined) hints.add(NAMESPACE_HINT);
    isMissing ||= !isSeen || kind === "none";
  }
  const detail = [...groups]
    .map(([text, indices]) => `${indices.map((index) => `gpu${index}`).join(", ")}: ${text}`)
    .join("; ");
  const name = "right GPU (reference kernels)";
  return { name, status: isMissing ? "missing" : "ok", detail, hints: [...hints] };
}

function measuresMemory({ quantities }: DeviceView): boolean {
  return quantities.some((each) => each.quantity === "memUsedBytes" && each.status === "answered");
}
