import { describe, expect, it } from "vitest";
import { scopeOf } from "../../src/attribute/cgroup-scope.ts";
import { loginOf, personOf } from "../../src/attribute/person.ts";
import type { ProcessSighting } from "../../src/model/sample.ts";

const CONTAINER = `/system.slice/docker-${"3f".repeat(32)}.scope`;
const POD = "/kubepods/besteffort/pod0a1b2c3d-1111-2222-3333-444455556666";
const SESSION = "/user.slice/user-1000.slice/session-3.scope";
const SERVICE = "/system.slice/vllm.service";
const ROOTLESS = `/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${"3f".repeat(32)}.scope`;

const person = (cgroup: string | undefined, process: Partial<ProcessSighting>) =>
  personOf({ pid: 7, cgroup, ...process }, cgroup === undefined ? undefined : scopeOf(cgroup));
const login = (cgroup: string) =>
  loginOf({ pid: 7, cgroup, uid: 0, loginUser: "bob" }, scopeOf(cgroup));

describe("the account that answers for a process", () => {
  it.each([
    ["in a login's own tree", SESSION, "bob"],
    ["in a service", SERVICE, "root"],
    ["in a Slurm job", "/slurm/uid_0/job_7/step_0", "root"],
    ["in no group that tells", "/", "root"],
  ])("of root's, %s, is who logged in only where the kernel has held that", (_, cgroup, who) => {
    expect(person(cgroup, { uid: 0, user: "root", loginUser: "bob" })).toBe(who);
    expect(login(cgroup)).toBe(who === "bob" ? "bob" : undefined);
  });

  it.each([
    ["a container of root's engine", CONTAINER],
    ["a pod", POD],
  ])("is nobody in %s: whoever started it chose the number", (_, cgroup) => {
    expect(person(cgroup, { uid: 1001, user: "alice" })).toBeUndefined();
    expect(person(cgroup, { uid: 0, user: "root", loginUser: "bob" })).toBeUndefined();
    expect(person(SERVICE, { uid: 1001, user: "alice" })).toBe("alice");
  });

  it("is whose engine it is, for a number that a rootless engine lent out", () => {
    expect(person(ROOTLESS, { uid: 100_999, user: "uid:100999" })).toBe("uid:1000");
    expect(person(ROOTLESS, { uid: 1000, user: "alice" })).toBe("alice");
  });
});
