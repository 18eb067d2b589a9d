import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DeliberateMemory, FILL_SHADER } from "../../src/probe/deliberate-memory.ts";
import { type ProbeDevice, runOnce } from "../../src/probe/device.ts";
import { openDevice } from "../../src/probe/device-process.ts";
import { readShader } from "../../src/probe/shaders.ts";
import { builtUrl } from "../support/built.ts";
import { softwareAdapter, whyNoWebGpu } from "../support/software-adapter.ts";

const why = await whyNoWebGpu();

describe.skipIf(why !== undefined)(
  `memory on purpose${why === undefined ? "" : ` (skipped: ${why})`}`,
  () => {
    let device: ProbeDevice;
    let code: string;
    beforeAll(async () => {
      const { environment } = await softwareAdapter();
      code = await readShader(FILL_SHADER);
      device = await openDevice({
        allowSoftware: true,
        environment,
        childUrl: builtUrl("probe/child.js"),
      });
    });
    afterAll(() => device.close());

    test.each([
      [16, [1, 1, 1]],
      [64 * 16, [1, 1, 1]],
      [65 * 16, [2, 1, 1]],
      [1000 * 16, [3, 6, 1]],
    ] satisfies [number, [number, number, number]][])(
      "writes every vector of %i bytes on a grid of %j",
      async (sizeBytes, workgroups) => {
        const [bytes = new Uint8Array()] = await runOnce(
          device,
          {
            label: "fill",
            code,
            entryPoint: "fill",
            workgroups,
            buffers: [{ binding: 0, kind: "read-write", sizeBytes, fill: 0xff }],
          },
          [0],
        );
        const words = new Uint32Array(bytes.slice().buffer);
        const expected = Array.from({ length: sizeBytes / 16 }, (_, i) => [
          i,
          ~i >>> 0,
          Math.imul(i, 2654435761) >>> 0,
          0xa55a5aa5,
        ]);
        expect([...words]).toEqual(expected.flat());
      },
    );

    test("is given back once, and closing gives back what is left", async () => {
      const memory = await DeliberateMemory.open(device, code);
      await memory.giveBack();
      await memory.take(1024 ** 2);
      await memory.giveBack();
      await memory.giveBack();
      await memory.take(1024 ** 2);
      await memory.close();
      await expect(memory.close()).rejects.toMatchObject({ code: "probe/refused" });
    });
  },
);
