import type { Collector } from "../collect/contract.ts";
import type { RegistriesDeps } from "../collect/registry/all.ts";
import type { Notice } from "../collect/thread/protocol.ts";
import { AssayError } from "../model/errors.ts";
import type { Observation } from "../model/observation.ts";
import { sanitize } from "../model/text.ts";
import type { Finding } from "./doctor-findings.ts";

const TITLES: Readonly<Record<string, string>> = {
  kubelet: "Kubernetes",
  docker: "Docker",
  podman: "podman",
  containerd: "containerd",
  prolog: "a scheduler's prolog",
};

/**
 * Opens and reads each registry once: whether it is there, what it tells, and what stands in the way.
 * Takes as long as the slowest of them, some seconds at most.
 */
export async function registryFindings(
  create: (deps: RegistriesDeps) => readonly Collector[],
  nowMs: () => number,
): Promise<Finding[]> {
  const notices = new Map<string, Notice[]>();
  const onNotice = (source: string, notice: Notice): void =>
    void notices.set(source, [...(notices.get(source) ?? []), notice]);
  return Promise.all(
    create({ onNotice }).map(async (collector) => {
      const finding = await look(collector, nowMs);
      return withNotices(finding, notices.get(collector.name) ?? []);
    }),
  );
}

async function look(collector: Collector, nowMs: () => number): Promise<Finding> {
  const name = `owners (${TITLES[collector.name] ?? collector.name})`;
  try {
    const opened = await collector.open();
    if (opened.status === "absent") {
      const { reason: detail, hint } = opened;
      return { name, status: "missing", detail, hints: hint === undefined ? [] : [hint] };
    }
    const seen = await collector.collect(Math.round(nowMs()));
    return { name, status: "ok", detail: `${opened.detail}: ${countText(seen)}`, hints: [] };
  } catch (error) {
    const detail = sanitize(error instanceof Error ? error.message : String(error));
    const hint = error instanceof AssayError ? error.hint : undefined;
    return { name, status: "failing", detail, hints: hint === undefined ? [] : [hint] };
  } finally {
    await collector.close();
  }
}

function countText(seen: readonly Observation[]): string {
  const entries = seen.flatMap((one) => (one.kind === "registry" ? one.entries : []));
  const jobs = entries.filter(({ job }) => job).length;
  const containers = entries.filter(({ container, pod }) => container ?? pod?.container).length;
  const gpus = new Set(entries.flatMap((entry) => entry.gpus ?? [])).size;
  const parts = [
    ...(jobs > 0 ? [counted(jobs, "job")] : []),
    ...(containers > 0 ? [counted(containers, "container")] : []),
    ...(gpus > 0 ? [`${counted(gpus, "GPU")} given out`] : []),
  ];
  return parts.join(", ") || "nothing runs";
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** What a registry complains of is to be mended, though it works. */
function withNotices(finding: Finding, notices: readonly Notice[]): Finding {
  if (notices.length === 0 || finding.status !== "ok") return finding;
  const texts = notices.map(({ text }) => text);
  const hints = [...new Set(notices.map(({ hint }) => hint))];
  const detail = [finding.detail, ...texts.slice(0, 3)].join("; ");
  const more = texts.length > 3 ? `; and ${texts.length - 3} more` : "";
  return { ...finding, status: "failing", detail: detail + more, hints };
}
