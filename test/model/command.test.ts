import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { commandText } from "../../src/model/command.ts";

describe("a command line for people", () => {
  it.each([
    ["python train.py --lr 1e-4 --key-frames 5", "python train.py --lr 1e-4 --key-frames ***"],
    ["app --token abc --port 80", "app --token *** --port 80"],
    ["app --api-key=abc -v", "app --api-key=*** -v"],
    ["app --password --verbose", "app --password --verbose"],
    ["mysql -u root -phunter2", "mysql -u *** -p***"],
    ["xmrig -o pool -p x", "xmrig -o pool -p ***"],
    ["/usr/bin/ssh -fNR 1:h:2 -p 2222 root@h", "/usr/bin/ssh -fNR 1:h:2 -p 2222 root@h"],
    ["notssh -p 2222", "notssh -p ***"],
    ["ssh -port 22 -N", "ssh -port 22 -N"],
    ["env HF_TOKEN=abc python", "env HF_TOKEN=*** python"],
    ["git clone https://me:pw@host/x.git", "git clone https://***@host/x.git"],
    ["curl https://host/path?q=1", "curl https://host/path?q=1"],
    [`run hf_${"a".repeat(30)}`, "run ***"],
    ["run AKIAIOSFODNN7EXAMPLE", "run ***"],
    [`run ghp_${"a1".repeat(18)}`, "run ***"],
    [`run ${"deadbeef".repeat(4)}`, "run ***"],
    [`run ${"deadbeef".repeat(3)}`, `run ${"deadbeef".repeat(3)}`],
    [`run ${"xY9".repeat(14)}==`, "run ***"],
    [
      "python /home/alice/experiments/Llama3/run_2026/checkpoints/step_001000/model.pt",
      "python /home/alice/experiments/Llama3/run_2026/checkpoints/step_001000/model.pt",
    ],
  ])("%s is shown as %s", (line, shown) => {
    expect(commandText(line.split(" "))).toBe(shown);
  });

  it("masks a header in one argument, and its value in the next", () => {
    expect(commandText(["curl", "-H", "Authorization: Bearer abc"])).toBe(
      "curl -H Authorization: ***",
    );
    expect(commandText(["x", "--secret", "a b", "c"])).toBe("x --secret *** c");
  });

  it("is nothing where there are no arguments", () => {
    expect([commandText(undefined), commandText([])]).toEqual([undefined, undefined]);
  });

  it("is bounded and escaped, whatever the arguments are", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: "binary", maxLength: 600 }), { minLength: 1 }),
        (argv) => {
          const text = commandText(argv) ?? "";
          expect(text).not.toMatch(/[\p{Cc}\p{Cs}]/u);
          // Escapes are longer than what they stand for.
          expect(text.length).toBeLessThanOrEqual(10 * 513);
        },
      ),
    );
  });
});
