import { describe, expect, it } from "vitest";
import { whoText } from "../../../src/cli/explain/plain-words.ts";
import { parseOwnerKey, UNATTRIBUTED } from "../../../src/model/owner.ts";

describe("an owner in words", () => {
  it.each([
    ["job:slurm:4711", "the Slurm job 4711"],
    ["job:slurm:alice/4711", "alice, by own account in Slurm job 4711"],
    ["job:ray:alice/01000000", "alice, by own account in Ray job 01000000"],
    ["job:pbs:77", "the job pbs:77"],
    ["pod:research/train-0", "the pod research/train-0"],
    ["container:3f2a9c1d5e7b", "the container 3f2a9c1d5e7b"],
    ["container:alice/3f2a9c1d5e7b", "the container 3f2a9c1d5e7b of alice"],
    ["unit:vllm.service", "the service vllm.service"],
    ["unit:alice/train.service", "the service train.service of alice"],
    ["user:alice", "the user alice"],
    ["process:7", "the process 7"],
    ["job:slurm:a\u001b[2J/1", "a\\u{1b}[2J, by own account in Slurm job 1"],
  ])("%s is %s", (key, text) => {
    expect(whoText(parseOwnerKey(key) ?? UNATTRIBUTED)).toBe(text);
  });
});
