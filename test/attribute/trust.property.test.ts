import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ownersSchema } from "../../src/attribute/rule-schema.ts";
import { Ownership } from "../../src/attribute/ownership.ts";
import { ATTRIBUTION_VARIABLES } from "../../src/collect/processes/parse.ts";
import { type OwnerIdentity, ownerKey } from "../../src/model/owner.ts";
import type { ProcessSighting, RegistrySample } from "../../src/model/sample.ts";

/* Whatever a process says of itself, the person, job, pod or container that is proven stays. */

const HEX = "3f2a9c1d5e7b".padEnd(64, "0");
const POD = "0a1b2c3d-1111-2222-3333-444455556666";

const REGISTRY: RegistrySample = {
  kind: "registry",
  atMs: 0,
  source: "prolog",
  entries: [
    { gpus: ["0"], job: { scheduler: "slurm", id: "4711", user: "alice", uid: 1000 } },
    { gpus: ["1"], job: { scheduler: "slurm", id: "12", user: "bob", uid: 1001 } },
  ],
};

/** What the kernel says. */
const bodies = fc.constantFrom<ProcessSighting>(
  { pid: 10, uid: 1001, user: "bob" },
  { pid: 10, uid: 1001, user: "bob", cgroup: "/user.slice/user-1001.slice/session-1.scope" },
  { pid: 10, uid: 1001, user: "bob", cgroup: "/system.slice/slurmd.service" },
  { pid: 10, uid: 1001, user: "bob", cgroup: "/system.slice/slurmstepd.scope/job_9/step_0" },
  { pid: 10, uid: 0, user: "root", cgroup: `/kubepods/pod${POD}/${HEX}` },
  { pid: 10, uid: 0, user: "root", cgroup: `/docker/${HEX}` },
  { pid: 10, uid: 990, user: "vllm", cgroup: "/system.slice/vllm.service" },
  { pid: 10 },
);

const words = fc.oneof(
  fc.constantFrom("alice", "root", "4711", "9", "12", "01000000", "alice/4711", "../x", "${user}"),
  fc.string({ maxLength: 30 }),
);

/** What the process says. */
const claims = fc.record(
  {
    environ: fc.dictionary(fc.constantFrom(...ATTRIBUTION_VARIABLES), words, { maxKeys: 6 }),
    argv: fc.array(
      fc.oneof(words, fc.constantFrom("slurmstepd: [4711.0]", "ray::sandbox-1234", "VLLM::x")),
      { maxLength: 3 },
    ),
    comm: fc.oneof(words, fc.constantFrom("slurmstepd", "raylet")),
    exe: fc.oneof(words, fc.constantFrom("/usr/sbin/slurmstepd", "/opt/farm/render")),
    lineage: fc.constantFrom(
      [],
      [
        {
          pid: 5,
          user: "bob",
          comm: "slurmstepd",
          exe: "/home/bob/slurmstepd",
          title: "slurmstepd: [4711.0]",
        },
        {
          pid: 6,
          user: "root",
          comm: "slurmstepd",
          exe: "/usr/bin/sudo",
          title: "slurmstepd: [4711.0]",
        },
      ],
    ),
  },
  { requiredKeys: [] },
);

/** Rules of an operator that go by what processes say, in good faith. */
const RULES = ownersSchema.parse({
  rules: [
    { name: "by-name", when: { comm: "raylet" }, owner: { kind: "unit", id: "farm" } },
    {
      name: "by-task",
      when: { environ: { TASK_ID: "*" } },
      owner: { kind: "user", id: "${task}" },
    },
    { name: "by-program", when: { exe: "/opt/farm/*" }, owner: { kind: "job", id: "farm" } },
    { name: "by-worker", when: { user: "*" }, owner: { kind: "pod", id: "${worker}" } },
    { name: "by-words", when: { user: "*" }, facts: { account: "${account}", user: "${cluster}" } },
  ],
  teams: [{ when: { account: "*" }, team: "payers" }],
});

/** Who is blamed: what is proven to be meant by an owner's key. */
function blamed({ owner, proven }: OwnerIdentity): string {
  const { kind, id } = owner;
  const isDivided = proven.user !== undefined && id.includes(`${proven.user}/`);
  return isDivided || kind === "user" ? `person ${proven.user}` : ownerKey(owner);
}

const found = (process: ProcessSighting, settings = RULES): OwnerIdentity => {
  const ownership = new Ownership(settings);
  ownership.observe(REGISTRY);
  return ownership.identityOf(process);
};

describe("what a process says of itself", () => {
  it.each([
    ["the built-in rules", ownersSchema.parse({})],
    ["an operator's rules beside them", RULES],
  ])("blames nobody else, by %s", (_name, settings) => {
    fc.assert(
      fc.property(bodies, claims, (body, said) => {
        const silent = found(body, ownersSchema.parse({}));
        const speaking = found({ ...said, ...body }, settings);
        const isProvenUnit = ["job", "pod", "container"].includes(silent.owner.kind);
        expect(speaking.proven.user).toBe(silent.proven.user);
        expect(speaking.proven.team).toBeUndefined();
        // An operator may divide a person's time further; a job, a pod or a container, too.
        const expected = [blamed(silent), `person ${silent.proven.user}`];
        if (settings === RULES) expect(expected).toContain(blamed(speaking));
        else if (isProvenUnit) expect(ownerKey(speaking.owner)).toBe(ownerKey(silent.owner));
        else expect(blamed(speaking)).toBe(blamed(silent));
      }),
      { numRuns: 1500 },
    );
  });

  it("does move within the person's own time, where it is true and where it is not", () => {
    const bob = { pid: 10, uid: 1001, user: "bob" };
    const of = (environ: Record<string, string>): string =>
      ownerKey(found({ ...bob, environ }, ownersSchema.parse({})).owner);
    expect(of({ SLURM_JOB_ID: "12" })).toBe("job:slurm:bob/12");
    expect(of({ SLURM_JOB_ID: "99" })).toBe("job:slurm:bob/99");
    expect(of({ SLURM_JOB_ID: "4711" })).toBe("user:bob");
    expect(of({ RAY_JOB_ID: "01000000" })).toBe("job:ray:bob/01000000");
    expect(of({ RAY_JOB_ID: "../alice/01" })).toBe("user:bob");
  });
});
