import { describe, expect, it } from "vitest";
import { firstError } from "../../../src/collect/launches/ability.ts";
import { type ChildSettings, runChild } from "../../../src/collect/launches/child.ts";
import { endsWithin } from "../../support/running.ts";

const shell = (script: string, more: Partial<ChildSettings> = {}): ChildSettings => ({
  path: "/bin/sh",
  args: ["-c", script],
  environment: { PATH: "/usr/bin:/bin" },
  timeoutMs: 20_000,
  ...more,
});

describe("a child that traces", () => {
  it("gives its lines, what it said beside, and how it ended", async () => {
    const end = await runChild(shell("echo one; echo two; printf three; echo no >&2; exit 3"));
    expect(end).toEqual({
      code: 3,
      failure: undefined,
      lines: ["one", "two", "three"],
      messages: ["no"],
    });
  });

  it("is killed with all that it started when its time is over", async () => {
    const started = performance.now();
    const end = await runChild(shell("sleep 60 & echo $!; echo $$; wait", { timeoutMs: 300 }));
    expect(end).toMatchObject({ code: null, failure: "did not end within 300 ms" });
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(end.lines).toHaveLength(2);
    for (const pid of end.lines) expect(await endsWithin(Number(pid), 5000)).toBe(true);
  });

  it("is killed when somebody asks, and not started when they have asked before", async () => {
    const stop = new AbortController();
    const running = runChild(shell("sleep 60", { signal: stop.signal }));
    setTimeout(() => stop.abort(), 100);
    expect(await running).toMatchObject({ code: null, failure: "stopped" });
    expect(await runChild(shell("echo x", { signal: stop.signal }))).toMatchObject({ lines: [] });
  });

  it("cannot fill the memory: neither its own nor ours", async () => {
    expect((await runChild(shell("ulimit -v"))).lines).toEqual([String(4 * 1024 ** 2)]);
    const long = "head -c 3000000 /dev/zero | tr '\\0' x; echo; echo after";
    expect((await runChild(shell(long))).lines).toEqual(["after"]);
    const many = "i=0; while [ $i -lt 5000 ]; do echo $i; echo $i >&2; i=$((i+1)); done";
    const { lines, messages } = await runChild(shell(many));
    expect([lines.length, messages.length]).toEqual([64, 40]);
  });

  it("that is not there says so", async () => {
    const end = await runChild({ ...shell(""), path: "/no/such/program", args: [] });
    expect(end.code).toBe(127);
    expect(end.messages.join()).toMatch(/not found|No such file/);
  });

  it("passes on nothing that a shell would read, and shows nothing that a terminal would", async () => {
    const args = ['$(echo "x")', "; exit 9", "a b"];
    const end = await runChild({ ...shell(""), path: "/usr/bin/printf", args: ["%s\\n", ...args] });
    expect(end.lines).toEqual(args);
    const { messages } = await runChild(shell("printf '\\033[31mred\\n' >&2"));
    expect(messages).toEqual(["\\u{1b}[31mred"]);
  });

  it("is not failed by what bpftrace says although it works", () => {
    const harmless = [
      "ERROR: Unknown error -1: couldn't set RLIMIT_MEMLOCK for bpftrace.",
      "open(/sys/kernel/tracing/uprobe_events): No such file or directory",
      "ERROR: failed to detach probe: uprobe:/x/0.so:cuLaunchKernel",
    ];
    expect(firstError(harmless)).toBeUndefined();
    expect(firstError([...harmless, "syntax error"])).toBe("syntax error");
  });
});
