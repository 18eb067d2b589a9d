import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { Ownership } from "../../src/attribute/ownership.ts";
import { OWNER_FACTS, ownerKey } from "../../src/model/owner.ts";
import type { ProcessSighting } from "../../src/model/sample.ts";
import { ProcTree } from "../support/proc-tree.ts";

const facts = z.partialRecord(z.enum(OWNER_FACTS), z.string()).default({});
const texts = z.record(z.string(), z.string());
const scenarioSchema = z.array(
  z.strictObject({
    name: z.string(),
    gpu: z.int().default(0),
    registries: z
      .array(z.strictObject({ source: z.string(), entries: z.array(z.any()) }))
      .default([]),
    processes: z.array(
      z.strictObject({
        pid: z.int(),
        ppid: z.int().optional(),
        comm: z.string().optional(),
        argv: z.array(z.string()).optional(),
        uid: z.int().optional(),
        loginUid: z.int().optional(),
        cgroup: z.string().optional(),
        environ: texts.optional(),
        exe: z.string().optional(),
        without: z.array(z.string()).optional(),
      }),
    ),
    owner: z.string(),
    rule: z.string(),
    proven: facts,
    declared: facts,
    conflicts: z.array(z.string()).default([]),
    uidUnknown: z.boolean().default(false),
  }),
);

const trees: ProcTree[] = [];
afterEach(() => trees.splice(0).forEach((tree) => tree.close()));

const newTree = (): ProcTree => {
  const tree = new ProcTree();
  trees.push(tree);
  return tree;
};

const GPUS = [0, 1, 2].map((index) => ({ index, uuid: `GPU-${index}`, model: "H200" }));

const observed = (gpu: number, sighting: ProcessSighting): Ownership => {
  const ownership = new Ownership();
  const node = { kind: "node", node: "n", source: "nvml", simulated: false } as const;
  ownership.observe({ ...node, intervalMs: 1000, gpus: GPUS });
  ownership.observe({ kind: "processes", atMs: 1000, gpu, list: [sighting] });
  return ownership;
};

describe.each(["schedulers", "runtimes"])("captured processes: %s", (file) => {
  const text = readFileSync(new URL(`scenarios/${file}.yaml`, import.meta.url), "utf8");
  it.each(scenarioSchema.parse(parse(text)))("$name", (scenario) => {
    const tree = newTree();
    for (const process of scenario.processes) tree.add(process);
    const { uid: _, ...seen } = tree.sighting(10);
    const sighting = scenario.uidUnknown ? seen : tree.sighting(10);
    const ownership = observed(scenario.gpu, sighting);
    for (const { source, entries } of scenario.registries)
      ownership.observe({ kind: "registry", atMs: 1000, source, entries });
    const found = ownership.identityOf(sighting);
    expect(ownerKey(found.owner)).toBe(scenario.owner);
    expect(found.rule).toBe(scenario.rule);
    expect(found.proven).toMatchObject(scenario.proven);
    expect(found.declared).toMatchObject(scenario.declared);
    expect(found.conflicts).toEqual(scenario.conflicts);
    expect(found.reason).not.toBe("");
  });
});

describe("a process that is no easy reading", () => {
  const ownerOf = (tree: ProcTree): string => {
    const sighting = tree.sighting(10);
    return ownerKey(observed(0, sighting).identityOf(sighting).owner);
  };

  it("has a control group of 4 KB, whose front decides", () => {
    const tree = newTree();
    const deep = "/x".repeat(2000);
    tree.add({ pid: 10, cgroup: `/system.slice/slurmstepd.scope/job_7/step_0${deep}` });
    expect(ownerOf(tree)).toBe("job:slurm:7");
    tree.add({ pid: 11, cgroup: `/user.slice/user-1000.slice${deep}/job_7/step_0` });
    expect(ownerKey(new Ownership().identityOf(tree.sighting(11)).owner)).toBe("user:alice");
  });

  it("has arguments of 1 MB, with escapes, or bytes that are no text", () => {
    for (const cmdline of [
      "\u001b[31mpython\u0007\0".repeat(100_000),
      Buffer.alloc(1_000_000, 0xff),
    ]) {
      const tree = newTree();
      tree.add({ pid: 10, cmdline, environ: Buffer.from([0xff, 0xfe, 0, 0x52, 0x3d, 0xff]) });
      expect(ownerOf(tree)).toBe("user:alice");
      expect(JSON.stringify(tree.sighting(10)).length).toBeLessThan(200_000);
    }
  });

  it("says who it is in words with escapes, which no reason repeats", () => {
    const tree = newTree();
    const cgroup = "/user.slice/user-1000.slice/user@1000.service/a\u001b[31m.service";
    tree.add({ pid: 10, cgroup, environ: { SLURM_JOB_USER: "bo\u001b[2Jb", SLURM_JOB_ID: "1" } });
    const { owner, reason, conflicts } = new Ownership().identityOf(tree.sighting(10));
    expect(owner.id).toBe("alice/a\\u{1b}[31m.service");
    // eslint-disable-next-line no-control-regex
    expect(`${reason}${conflicts.join("")}`).not.toMatch(/[\u0000-\u001f]/);
  });

  it("has an environment that may not be read: its account is known all the same", () => {
    const tree = newTree();
    tree.add({ pid: 10, environ: { SLURM_JOB_ID: "4711" }, without: ["environ"] });
    expect(ownerOf(tree)).toBe("user:alice");
  });

  it("ends between the list and the look: nothing is known but its number", () => {
    const tree = newTree();
    tree.add({ pid: 10 });
    tree.remove(10);
    expect(ownerOf(tree)).toBe("process:10");
  });
});
