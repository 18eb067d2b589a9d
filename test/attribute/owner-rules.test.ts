import { describe, expect, it } from "vitest";
import { matchesGlob, matchPath } from "../../src/attribute/glob.ts";
import { Ownership } from "../../src/attribute/ownership.ts";
import { parseConfig } from "../../src/config/load.ts";
import { AssayError } from "../../src/model/errors.ts";
import { type OwnerIdentity, ownerKey } from "../../src/model/owner.ts";
import type { ProcessSighting } from "../../src/model/sample.ts";

const by = (owners: string, process: Omit<ProcessSighting, "pid">): OwnerIdentity => {
  const ownership = new Ownership(parseConfig(`owners: ${owners}`, "test.yaml").owners);
  return ownership.identityOf({ pid: 10, uid: 1000, user: "alice", ...process });
};

describe("rules of the operator", () => {
  const PBS = `{rules: [{name: pbs, when: {cgroup: "/pbs.service/jobid/\${job}/**"}, owner: {kind: job, id: "pbs:\${job}"}, facts: {scheduler: pbs}}]}`;

  it("come before the built-in ones and take names out of a control group", () => {
    const found = by(PBS, { cgroup: "/pbs.service/jobid/77.srv/tasks" });
    expect(ownerKey(found.owner)).toBe("job:pbs:77.srv");
    expect(found.rule).toBe("pbs");
    expect(found.proven).toMatchObject({ scheduler: "pbs", user: "alice" });
  });

  it("leave what they do not fit to the built-in ones", () => {
    expect(by(PBS, { cgroup: "/pbs.service/other/77" }).rule).toBe("system-unit");
  });

  it("stay within the person where a user may have made the group", () => {
    const rule = PBS.replace("/pbs.service", "/user.slice/*/*");
    const cgroup = "/user.slice/user-1000.slice/user@1000.service/jobid/77/tasks";
    expect(ownerKey(by(rule, { cgroup }).owner)).toBe("job:alice/pbs:77");
  });

  it("do not look inside a container, where groups have any name", () => {
    const cgroup = `/docker/${"a".repeat(64)}/jobid/77/tasks`;
    const rule = PBS.replace("/pbs.service", "/docker/*");
    expect(by(rule, { cgroup }).rule).toBe("container");
  });

  const FARM = `{rules: [{name: farm, when: {ancestor: farmd}, owner: {kind: unit, id: farm}}]}`;
  it.each([
    ["root's", { user: "root", exe: "/usr/sbin/farmd" }, "unit:farm"],
    ["a user's", { user: "alice", exe: "/home/alice/farmd" }, "unit:alice/farm"],
    ["one by its name alone", { user: "root", comm: "farmd" }, "unit:alice/farm"],
    ["another", { user: "root", exe: "/usr/sbin/otherd" }, "user:alice"],
  ])("go by an ancestor: %s", (_name, ancestor, key) => {
    expect(ownerKey(by(FARM, { lineage: [{ pid: 5, ...ancestor }] }).owner)).toBe(key);
  });

  it("go on where a placeholder has no value, and where a person would be anybody's word", () => {
    const rule = `{rules: [{name: a, when: {user: "*"}, owner: {kind: job, id: "\${task}"}}, {name: b, when: {environ: {TASK_ID: "*"}}, owner: {kind: user, id: root}}]}`;
    expect(by(rule, {}).rule).toBe("user");
    expect(ownerKey(by(rule, { environ: { TASK_ID: "t1" } }).owner)).toBe("job:alice/t1");
    expect(by(rule.replace("${task}", "${rank}"), { environ: { TASK_ID: "t1" } }).rule).toBe(
      "user",
    );
  });

  it("give facts and let the next rule decide", () => {
    const rule = `{rules: [{name: a, when: {user: alice}, facts: {partition: shared, worker: "\${task}"}}]}`;
    const found = by(rule, { environ: { TASK_ID: "t1" } });
    expect(found).toMatchObject({ rule: "user", proven: { partition: "shared" } });
    expect(found.declared).toMatchObject({ worker: "t1" });
  });
});

describe("teams", () => {
  const TEAMS = `{teams: [{when: {user: "al*"}, team: vision, costCentre: 4100}, {when: {user: "*"}, team: rest}]}`;
  it("are those of the first rule that fits what is proven", () => {
    expect(by(TEAMS, {}).proven).toMatchObject({ team: "vision", costCentre: "4100" });
    expect(by(TEAMS, { user: "bob", uid: 1001 }).proven.team).toBe("rest");
  });

  it("do not go by an account of the environment", () => {
    const account = TEAMS.replace('user: "al*"', "account: vip");
    expect(by(account, { environ: { SLURM_JOB_ACCOUNT: "vip" } }).proven.team).toBe("rest");
  });
});

describe("a bad rule", () => {
  it.each([
    [`rules: [{name: a, when: {}, owner: {kind: job, id: x}}]`, "needs at least one condition"],
    [`rules: [{name: a, when: {user: x}}]`, "needs an owner or facts"],
    [`rules: [{name: a, when: {user: x}, owner: {kind: idle, id: x}}]`, "rules.0.owner.kind"],
    ['rules: [{name: a, when: {user: x}, owner: {kind: job, id: "${nobody}"}}]', "${nobody}"],
    [`rules: [{name: a, when: {environ: {PATH: "*"}}, facts: {task: x}}]`, "SLURM_JOB_ID"],
    ['rules: [{name: a, when: {cgroup: "/a${b}*/c"}, facts: {task: x}}]', "must be a path"],
    ['rules: [{name: a, when: {cgroup: "/**/a/**"}, facts: {task: x}}]', "must be a path"],
    ['rules: [{name: a, when: {user: "*a*a*a*a*a*a*a*a*a"}, facts: {task: x}}]', "8 stars"],
    [`rules: [{name: a, when: {usr: x}, facts: {task: x}}]`, "owners.rules.0.when.usr"],
    [`teams: [{when: {user: x}}]`, "needs a team or a costCentre"],
  ])("%s is told with its place: %s", (owners, message) => {
    try {
      parseConfig(`owners:\n  ${owners}\n`, "test.yaml");
      expect.unreachable();
    } catch (error) {
      if (!(error instanceof AssayError)) throw error;
      expect(error.code).toBe("config/invalid");
      expect(error.message).toContain(message);
      expect(error.place).toMatch(/^test\.yaml:\d+:\d+$/);
      expect(error.hint).toBeTruthy();
    }
  });
});

describe("patterns", () => {
  it.each([
    ["a*c", "abc", true],
    ["a*c", "ac", true],
    ["a*c", "ab", false],
    ["a?c", "abc", true],
    ["a?c", "ac", false],
    ["*b*b*", "abcb", true],
    ["*b*b*", "ab", false],
    ["*", "", true],
    ["", "a", false],
    ["aa*aa", "aaa", false],
    [".*", "abc", false],
  ])("%s on %s: %s", (pattern, text, fits) => {
    expect(matchesGlob(pattern, text)).toBe(fits);
  });

  it.each([
    ["/a/${x}/c", "/a/b/c", { x: "b" }],
    ["/a/${x}/c", "/a/b/d", undefined],
    ["/a/job-${x}.scope", "/a/job-7.scope", { x: "7" }],
    ["/a/job-${x}", "/a/job-", undefined],
    ["/a/**", "/a", {}],
    ["/a/**/${x}", "/a/b/c/d", { x: "d" }],
    ["/a/*", "/a/b/c", undefined],
  ])("%s takes out of %s: %o", (pattern, path, taken) => {
    const found = matchPath(pattern, path);
    expect(found && Object.fromEntries(found)).toEqual(taken);
  });
});
