import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../support/temporary.ts";
import { answers, folder } from "./catalogue.ts";

const python = process.env["ASSAY_PYTHON"] ?? "python3";

describe.skipIf(!answers(python, "-c", ""))("a machine without PyTorch", () => {
  it.each(["train.py", "serve.py", "other.py", "check.py"])("is refused by %s", (program) => {
    // In front of a PyTorch that may be there.
    const without = temporaryFolder("no-torch");
    writeFileSync(join(without, "torch.py"), "raise ModuleNotFoundError('none here')\n");
    const { status, stdout, stderr } = spawnSync(python, ["-B", program, "any", "--wait"], {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, PYTHONPATH: without },
    });
    expect({ status, stderr }).toEqual({ status: 4, stderr: "" });
    expect(JSON.parse(stdout)).toMatchObject({
      event: "refused",
      reason: "no PyTorch: none here",
    });
  });
});
