import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runOnce } from "../../../src/probe/device.ts";
import { asWords } from "../../../src/probe/kernels/kernel.ts";
import { chaseJob, memoryChaseKernel, slotAfter } from "../../../src/probe/kernels/memory-chase.ts";
import { gatherJob, memoryGatherKernel } from "../../../src/probe/kernels/memory-gather.ts";
import {
  memorySharedKernel,
  sharedJob,
  sharedValues,
} from "../../../src/probe/kernels/memory-shared.ts";
import { scatter } from "../../../src/probe/kernels/scatter.ts";
import { buildOf } from "../../../src/probe/kernels/variant.ts";
import type { KernelJob } from "../../../src/probe/protocol.ts";
import { readShader } from "../../../src/probe/shaders.ts";
import {
  expectChecked,
  expectFound,
  firstBuild,
  type KernelRig,
  openRig,
} from "../../support/kernel-rig.ts";
import { seeded } from "../../support/seeded.ts";
import { whyNoWebGpu } from "../../support/software-adapter.ts";

const why = await whyNoWebGpu();
const skipped = why === undefined ? "" : ` (skipped: ${why})`;
const KERNELS = [memoryGatherKernel, memoryChaseKernel, memorySharedKernel] as const;

describe.skipIf(why !== undefined)(
  `scattered and shared memory on the software adapter${skipped}`,
  () => {
    let rig: KernelRig;
    beforeAll(async () => {
      rig = await openRig();
    });
    afterAll(() => rig?.close());

    describe.each(KERNELS)(
      "$name",
      (kernel) => {
        test("passes its own verification in every variant of the adapter", async () => {
          const code = await readShader(kernel.shader);
          for (const variant of kernel.variants(rig.device.adapter)) {
            const verified = kernel.verify(rig.device, buildOf(code, variant), seeded(1));
            await expect(verified).resolves.toBeUndefined();
          }
        });

        test("is a workload whose result is checked", async () => {
          await expect(expectChecked(rig.device, kernel)).resolves.toBeUndefined();
        });
      },
      120_000,
    );

    test("gives the same without the device's own bounds checks", async () => {
      const same = async (job: KernelJob, binding: number) => {
        const checked = await runOnce(rig.device, job, [binding]);
        expect(await runOnce(rig.unchecked, job, [binding])).toEqual(checked);
      };
      const { adapter } = rig.device;
      const gather = await firstBuild(memoryGatherKernel, adapter);
      await same(gatherJob(gather, { pieces: 256, count: 301, turns: 5, seed: 6 }), 2);
      const ring = { slots: 256, multiplier: 5, increment: 7 };
      await same(chaseJob(await firstBuild(memoryChaseKernel, adapter), ring, [1, 2, 3], 99), 2);
      const shared = buildOf(await readShader(memorySharedKernel.shader), { WORKGROUP: 64 });
      await same(sharedJob(shared, { count: 301, turns: 5, seed: 6 }), 1);
    });

    test("a gather adds up what is in the table at the pieces that the mixing names", async () => {
      const build = await firstBuild(memoryGatherKernel, rig.device.adapter);
      const run = { pieces: 128, count: 20, turns: 2, seed: 11 };
      const [table = new Uint8Array(), sums = new Uint8Array()] = await runOnce(
        rig.device,
        gatherJob(build, run),
        [1, 2],
      );
      const words = asWords(table);
      // Invocation 19 is the fourth lane of the third group, whose numbers start at 2 * 8.
      const pieces = Array.from({ length: 8 }, (_, i) => scatter(16 + i + 11) % 128);
      const expected = pieces.reduce((sum, piece) => sum + (words[piece * 32 + 3 * 4] ?? 0), 0);
      expect(asWords(sums)[19 * 4]).toBe(expected % 2 ** 32);
    });

    test("a chaser goes on where the launch before left it", async () => {
      const ring = { slots: 64, multiplier: 13, increment: 5 };
      const job = chaseJob(await firstBuild(memoryChaseKernel, rig.device.adapter), ring, [9], 10);
      const handle = await rig.device.prepare(job);
      for (let launch = 1; launch <= 4; launch++) {
        await rig.device.launch(handle, launch === 4 ? 3 : 1, 0);
        const hops = launch === 4 ? 60 : 10 * launch;
        const chaser = [...asWords(await rig.device.read(handle, 2))];
        expect(chaser).toEqual([slotAfter(ring, 9, hops), hops]);
      }
      await rig.device.release(handle);
    });

    test.each([
      [
        "a lane that reads its neighbour's part",
        memoryGatherKernel,
        "* LANES + lane",
        "* LANES + (lane ^ 1)",
      ],
      ["a read too few", memoryGatherKernel, "sum += v0 + v1 + v2 + v3", "sum += v0 + v1 + v2"],
      ["numbers that do not go on", memoryGatherKernel, "number += READS", "number += 0"],
      ["groups that read the same", memoryGatherKernel, "(index / LANES) *", "0 *"],
      ["half the table", memoryGatherKernel, "& params.mask)", "& (params.mask / 2))"],
      [
        "a table filled by half",
        memoryGatherKernel,
        "at < (params.mask + 1) * LANES",
        "at < (params.mask + 1) * LANES / 2",
      ],
      [
        "an invocation too many",
        memoryGatherKernel,
        "index >= params.count",
        "index > params.count",
      ],
      [
        "an invocation too few",
        memoryGatherKernel,
        "index >= params.count",
        "index + 1 >= params.count",
      ],
      ["a slot that is not linked", memoryChaseKernel, "slot <= params.mask", "slot < params.mask"],
      ["slots in another order", memoryChaseKernel, "+ params.increment)", "+ 1)"],
      ["slots that lie closer", memoryChaseKernel, "const STRIDE = 64u", "const STRIDE = 32u"],
      ["a hop too few", memoryChaseKernel, "i < params.hops", "i + 1 < params.hops"],
      ["hops that are not counted", memoryChaseKernel, "chaser.y + params.hops", "chaser.y"],
      ["a chaser too many", memoryChaseKernel, "index >= params.count", "index > params.count"],
      ["a distance of another", memorySharedKernel, "(at ^ 42)", "(at ^ 43)"],
      [
        "a half that is read while it is written",
        memorySharedKernel,
        "half = WORKGROUP - half;",
        "",
      ],
      ["a turn too few", memorySharedKernel, "turn < params.turns", "turn + 1 < params.turns"],
      ["a key left out", memorySharedKernel, "(sum >> vec4u(25))) + key", "(sum >> vec4u(25)))"],
      [
        "an invocation too many",
        memorySharedKernel,
        "index < params.count",
        "index <= params.count",
      ],
    ])("%s is found", async (_, kernel, from, to) => {
      await expect(expectFound(rig.device, kernel, from, to)).resolves.toBeUndefined();
    });
  },
);

describe("a ring of slots", () => {
  const random = fc.record({
    bits: fc.integer({ min: 0, max: 10 }),
    multiplier: fc.integer({ min: 0, max: 2 ** 30 - 1 }).map((value) => 4 * value + 1),
    increment: fc.integer({ min: 0, max: 2 ** 31 - 1 }).map((value) => 2 * value + 1),
  });
  const hop = (ring: { slots: number; multiplier: number; increment: number }, slot: number) =>
    Number((BigInt(slot) * BigInt(ring.multiplier) + BigInt(ring.increment)) % BigInt(ring.slots));

  test("goes through every slot before it repeats one", () => {
    fc.assert(
      fc.property(random, ({ bits, ...steps }) => {
        const ring = { slots: 2 ** bits, ...steps };
        const seen = new Set<number>();
        let slot = 0;
        for (let i = 0; i < ring.slots; i++) {
          seen.add(slot);
          slot = hop(ring, slot);
        }
        expect(seen.size).toBe(ring.slots);
        expect(slot).toBe(0);
      }),
    );
  });

  test("leads by one jump where single hops lead", () => {
    fc.assert(
      fc.property(random, fc.nat(300), fc.nat(1023), ({ bits, ...steps }, hops, from) => {
        const ring = { slots: 2 ** bits, ...steps };
        let slot = from % ring.slots;
        for (let i = 0; i < hops; i++) slot = hop(ring, slot);
        expect(slotAfter(ring, from % ring.slots, hops)).toBe(slot);
      }),
    );
  });

  test("is known after more hops than a run will ever make", () => {
    const ring = { slots: 2 ** 22, multiplier: 1_664_525, increment: 7 };
    expect(slotAfter(ring, 5, 2 ** 32 - 1)).toBe(slotAfter(ring, 5, 2 ** 22 - 1));
    expect(slotAfter(ring, 5, 2 ** 22)).toBe(5);
  });
});

describe("values in workgroup memory", () => {
  test("all differ, turn by turn: none cancels another", () => {
    for (const turns of [0, 1, 2, 40]) {
      const values = sharedValues({ turns, seed: 1 }, 256, 0, 0);
      expect(new Set(values).size).toBe(256);
    }
  });
});
