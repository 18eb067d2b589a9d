import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EgressRules, parseAllowed } from "../../../src/classify/network/egress.ts";
import { evidenceOf, type Wire } from "./rig.ts";

const told = (allow: readonly string[] | undefined, wire: Wire, owner = "user:eve") =>
  evidenceOf({ wires: [wire], egress: allow && [{ owner, allow }], seconds: 10 })
    .filter(({ feature }) => feature === "newDestination")
    .map(({ value }) => value);

describe("where an owner may connect to", () => {
  const wire: Wire = { remoteName: "data.example.org", remotePort: 443 };

  it("is nobody's business without a rule for him", () => {
    expect(told(undefined, wire)).toEqual([]);
    expect(told([], wire, "user:alice")).toEqual([]);
    expect(told([], wire, "job:*")).toEqual([]);
    expect(told([], wire)).toEqual(["data.example.org:443"]);
  });

  it.each([
    ["198.51.100.0/24"],
    ["198.51.100.7"],
    ["::ffff:198.51.100.7"],
    ["example.org"],
    ["*.example.org"],
    [".Example.org"],
    ["data.example.org"],
    [":443"],
  ])("is allowed by %s", (allowed) => {
    expect(told([allowed], wire)).toEqual([]);
  });

  it.each([
    ["198.51.101.0/24"],
    ["198.51.100.8"],
    ["ample.org"],
    ["org.example"],
    [":80"],
    ["2001:db8::/32"],
  ])("is not allowed by %s", (allowed) => {
    expect(told([allowed], wire)).toEqual(["data.example.org:443"]);
  });

  it("is never the machine itself, nor what listens", () => {
    expect(told([], { remoteAddress: "127.0.0.1" })).toEqual([]);
    expect(told([], { remoteAddress: "::1" })).toEqual([]);
    expect(told([], { remoteAddress: "10.0.0.2" })).toEqual([]);
    expect(told([], { state: "LISTEN", remoteAddress: "0.0.0.0", remotePort: 0 })).toEqual([]);
  });

  it("is told once, by name where the host knows one, and of an attempt as of one", () => {
    const wires = [{}, { localPort: 1 }, { remotePort: 2, state: "SYN_SENT" }];
    const found = evidenceOf({ wires, egress: [{ owner: "user:*", allow: [] }], seconds: 10 });
    expect(found.map(({ value }) => value)).toEqual(["198.51.100.7:9000", "198.51.100.7:2"]);
    expect(found[1]?.text).toContain("tries to reach");
    expect(found.every(({ weights }) => Object.keys(weights).length === 0)).toBe(true);
  });

  it("takes owners by pattern, whatever characters are in it", () => {
    const rules = new EgressRules([{ owner: "pod:a.b+(c)/*-x", allow: ["10.0.0.0/8"] }]);
    expect(rules.of("pod:a.b+(c)/train-1-x")).toHaveLength(1);
    expect(rules.of("pod:aXb+(c)/train-1-x")).toBeUndefined();
    expect(rules.of("my-pod:a.b+(c)/1-x")).toBeUndefined();
    expect(new EgressRules([{ owner: "*".repeat(200), allow: [] }]).of("a".repeat(5000))).toEqual(
      [],
    );
  });

  it("adds up the rules that speak of him", () => {
    const rules = new EgressRules([
      { owner: "user:*", allow: [":1"] },
      { owner: "*:eve", allow: [":2"] },
    ]);
    expect(rules.of("user:eve")).toHaveLength(2);
    expect(rules.of("user:bob")).toHaveLength(1);
  });

  it.each([
    "",
    ":0",
    ":65536",
    "443",
    "10.0.0.0/33",
    "1.2.3",
    "*",
    "a b",
    "https://x.org",
    "x.org:443",
  ])("cannot be written as %j", (text) => expect(parseAllowed(text)).toBeUndefined());

  it("is parsed without failing, whatever is written", () => {
    expect(() =>
      fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void parseAllowed(text))),
    ).not.toThrow();
  });
});
