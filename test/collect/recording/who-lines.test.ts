import { describe, expect, it } from "vitest";
import { observationOf } from "../../../src/collect/recording/parse.ts";
import { WarningLog } from "../../../src/collect/recording/warnings.ts";

const AT = { file: "a.ndjson", line: 2 };

function read(line: object) {
  const warnings = new WarningLog();
  return { observation: observationOf({ t: 1_700_000_000, ...line }, AT, warnings), warnings };
}

const registry = (...entries: unknown[]) => ({ kind: "registry", source: "docker", entries });

describe("a registry line", () => {
  it("takes null for not told, in what an entry holds, too", () => {
    const { observation, warnings } = read(
      registry({
        gpus: null,
        container: { id: "a", name: null },
        pod: { namespace: "ml", name: "train-0", uid: null },
        job: null,
      }),
    );
    expect(observation).toEqual({
      kind: "registry",
      atMs: 1_700_000_000_000,
      source: "docker",
      entries: [{ container: { id: "a" }, pod: { namespace: "ml", name: "train-0" } }],
    });
    expect(warnings.list()).toEqual([]);
  });

  it("may say that there is nothing, and counts what it does not know", () => {
    expect(read(registry()).observation).toMatchObject({ entries: [] });
    expect(read(registry({ vm: "x" })).warnings.list()).toMatchObject([
      { code: "unknown-field", subject: "entries.vm" },
    ]);
  });

  it.each<[string, object]>([
    ["without a source", { kind: "registry", entries: [] }],
    ["without entries", { kind: "registry", source: "docker" }],
    ["with half a pod", registry({ pod: { namespace: "ml" } })],
    ["with a job without an id", registry({ job: { scheduler: "slurm", id: null } })],
    ["with a number for a GPU", registry({ gpus: [0] })],
    ["with a label that is no text", registry({ labels: { team: 7 } })],
  ])("%s is malformed", (_, line) => {
    expect(() => read(line)).toThrow(expect.objectContaining({ code: "recording/malformed" }));
  });
});
