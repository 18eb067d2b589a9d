import { describe, expect, it } from "vitest";
import { findingOf } from "../../src/cli/doctor-host.ts";

describe("what doctor says of the host scan", () => {
  it.each([
    ["90 processes, 0 hold a GPU, 0 more in their trees, 0 sockets", "ok"],
    ["9 processes, 1 hold a GPU; still looking for holders that no driver names", "ok"],
    ["9 processes, 0 hold a GPU; 5 processes whose open files cannot be looked at", "missing"],
    ["9 processes, 0 hold a GPU; not all processes of the host are visible", "missing"],
    ["9 processes, 1 hold a GPU; 1 network namespaces that cannot be looked into", "missing"],
  ])("'%s' is %s", (detail, status) => {
    const finding = findingOf(detail);
    expect(finding).toMatchObject({ status, detail });
    expect(finding.hints).toHaveLength(status === "ok" ? 0 : 1);
  });
});
