import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gpuOfFileName, parseJobs } from "../../../../src/collect/registry/jobs/parse.ts";

const jobsOf = (text: string) => parseJobs(text, "slurm").jobs;
const refused = (text: string) => parseJobs(text, "slurm").faults.length;
const slurm = (id: string, more: object = {}) => ({ scheduler: "slurm", id, ...more });

describe("the content of a prolog's file", () => {
  it.each<[string, string, unknown[]]>([
    ["a job and its user, as jobstats writes", "4711 1001\n", [slurm("4711", { uid: 1001 })]],
    ["a job alone, as for dcgm-exporter", "4711", [slurm("4711")]],
    [
      "several jobs, a line each",
      "4711\n4712 1002\n\n",
      [slurm("4711"), slurm("4712", { uid: 1002 })],
    ],
    ["Windows' line ends and tabs", "4711\t1001\r\n", [slurm("4711", { uid: 1001 })]],
    [
      "ids of other schedulers",
      "77[4]\n123.pbs-1\n4711_3",
      [slurm("77[4]"), slurm("123.pbs-1"), slurm("4711_3")],
    ],
    ["nothing", "", []],
    ["blank lines", "\n \n", []],
    [
      "the project's own form",
      '{"job":"4711","scheduler":"pbs","user":"alice","uid":1001,"account":"ml","partition":"gpu","name":"llm","more":1}',
      [
        {
          scheduler: "pbs",
          id: "4711",
          user: "alice",
          uid: 1001,
          account: "ml",
          partition: "gpu",
          name: "llm",
        },
      ],
    ],
    ["an object over several lines", '{\n  "job": 4711\n}\n', [slurm("4711")]],
    ["a list", '[{"job":1},{"job":"2","user":""}]', [slurm("1"), slurm("2")]],
    ["an object a line", '{"job":1}\n{"job":2}\n', [slurm("1"), slurm("2")]],
    ["objects and lines", '{"job":1}\n2 7', [slurm("1"), slurm("2", { uid: 7 })]],
  ])("may be %s", (_, text, jobs) => {
    expect(parseJobs(text, "slurm")).toEqual({ jobs, faults: [] });
  });

  it.each<[string, string]>([
    ["three words", "4711 1001 x"],
    ["a name for a number", "4711 alice"],
    ["an id with a slash", "../4711"],
    ["an id with an escape", "47\u001b[2J"],
    ["an id of 65 characters", "4".repeat(65)],
    ["half an object", '{"job":"47'],
    ["an object without a job", '{"user":"alice"}'],
    ["a number of no user", '{"job":"1","uid":-1}'],
    ["the number that means nobody", '{"job":"1","uid":4294967295}'],
    ["a scheduler that is a sentence", '{"job":"1","scheduler":"of my own"}'],
    ["something else", "[null]"],
  ])("is refused where it is %s", (_, text) => {
    expect(jobsOf(text)).toEqual([]);
    expect(refused(text)).toBe(1);
  });

  it("is taken at the bounds, and what is good of it beside what is bad", () => {
    expect(jobsOf("4".repeat(64))).toHaveLength(1);
    expect(jobsOf('{"job":"1","uid":4294967294}')).toHaveLength(1);
    expect(parseJobs("1\n../2\n3", "slurm")).toMatchObject({
      jobs: [{ id: "1" }, { id: "3" }],
      faults: ["what is no job"],
    });
    const many = Array.from({ length: 65 }, (_, i) => String(i));
    expect(parseJobs(many.slice(1).join("\n"), "slurm")).toMatchObject({ faults: [] });
    expect(parseJobs(many.join("\n"), "slurm")).toMatchObject({
      jobs: { length: 64 },
      faults: ["more than 64 jobs"],
    });
  });

  it("never gives an id that is none, or a text without bound", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.json(),
      fc
        .record({ job: fc.anything(), user: fc.anything(), uid: fc.anything() })
        .map((one) => JSON.stringify(one) ?? ""),
    );
    fc.assert(
      fc.property(text, (content) => {
        for (const { id, user } of jobsOf(content)) {
          expect(id).toMatch(/^[A-Za-z0-9][\w.+@[\]-]{0,63}$/);
          expect((user ?? "").length).toBeLessThanOrEqual(256);
        }
      }),
    );
  });
});

describe("the name of a prolog's file", () => {
  it("is a GPU's index, a slice's, or a uuid", () => {
    for (const name of [
      "0",
      "15",
      "0.7",
      "GPU-8f3ab1c2-00",
      "MIG-8f3ab1c2-00",
      "AMD-00ff",
      "PCI-1002:74a1-0000:03:00.0",
    ])
      expect(gpuOfFileName(name)).toBe(name);
    for (const name of [
      "README",
      ".0",
      "0.tmp",
      "0~",
      "1000",
      "0.1.2",
      "GPU-",
      "-1",
      "GPU-a b",
      "",
      "job.4711",
    ])
      expect(gpuOfFileName(name)).toBeUndefined();
  });
});
