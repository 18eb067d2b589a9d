import fc from "fast-check";
import { SHARED_COSTS, SHARINGS } from "../../src/bill/allocation-policy.ts";
import { formatInstant } from "../../src/bill/instant.ts";
import type { Window } from "../../src/model/window.ts";

/** A decimal of nine places, none of them special. */
export const decimal = fc
  .tuple(fc.nat({ max: 99 }), fc.nat({ max: 999_999_999 }))
  .map(([whole, nanos]) => `${whole}.${String(nanos).padStart(9, "0")}`);

const minute = (of: number): string =>
  `${String(Math.floor(of / 60)).padStart(2, "0")}:${String(of % 60).padStart(2, "0")}`;

/**
 * Price books, as text, that use everything: pools, commitments with and without payment in advance,
 * other currencies, tariffs by the hour, carbon, overhead and a policy. They hold over all of `window`,
 * price every device, and may change in it.
 * @param amount what prices are made of
 */
export function randomBooks(window: Window, amount: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const instant = fc
    .integer({ min: window.fromMs + 1, max: window.toMs - 1 })
    .map((atMs) => `"${formatInstant(atMs)}"`);
  const some = (text: fc.Arbitrary<string>) => fc.option(text, { nil: "", freq: 3 });
  const code = fc.constantFrom("USD", "EUR");
  const gpus = fc
    .record({ a: amount, b: amount, c: amount, d: amount, list: amount, change: instant, code })
    .map(
      ({ a, b, c, d, list, change, code: of }) => `gpus:
  - { model: "*", perGpuHour: "${a}", listPerGpuHour: "${list}", from: 1970-01-01, to: ${change} }
  - { model: "*", perGpuHour: "${b}", from: ${change} }
  - { model: "*H100", pool: half, perGpuHour: "${c}", currency: ${of}, from: 1970-01-01, to: ${change} }
  - { model: "*", node: node-b, perGpuHour: "${d}", from: 1970-01-01 }
`,
    );
  const commitments = fc.record({ hour: amount, paid: amount, from: instant }).map(
    ({ hour, paid, from }) => `commitments:
  - { name: c, gpu: GPU-0, perGpuHour: "${hour}", upfront: "${paid}", devices: 1, from: ${from}, to: 2030-01-01 }
  - { name: d, model: "*A100", perGpuHour: "${hour}", from: 1970-01-01, to: ${from} }
`,
  );
  const energy = fc
    .record({
      flat: amount,
      low: amount,
      from: fc.nat({ max: 1439 }),
      length: fc.integer({ min: 1, max: 1439 }),
      code,
    })
    .map(
      ({ flat, low, from, length, code: of }) => `energy:
  - { perKwh: "${flat}", from: 1970-01-01 }
  - { perKwh: "${low}", from: 1970-01-01, currency: ${of}, hours: "${minute(from)}-${minute((from + length) % 1440)}", timeZone: Europe/Berlin }
`,
    );
  const carbon = fc
    .record({ grams: amount, change: instant })
    .map(({ grams, change }) => `carbon:\n  - { gramsPerKwh: "${grams}", from: ${change} }\n`);
  const overhead = fc.record({ rack: amount, change: instant, code }).map(
    ({ rack, change, code: of }) => `overhead:
  - { name: rack, perGpuHour: "${rack}", currency: ${of}, to: ${change} }
  - { name: cooling, pue: "1.37", from: ${change} }
`,
  );
  const policy = fc
    .record({
      held: fc.constantFrom("holder", "shared"),
      shared: fc.tuple(...SHARED_COSTS.map(() => fc.constantFrom(...SHARINGS))),
    })
    .map(({ held, shared }) => {
      const lines = SHARED_COSTS.map((cost, i) => `  ${cost}: ${shared[i]}\n`);
      return `allocation:\n  idleHeld: ${held}\n${lines.join("")}`;
    });
  const rates = fc.record({ one: amount, other: amount, change: instant }).map(
    ({ one, other, change }) => `rates:
  - { of: EUR, in: USD, rate: "1${one}", from: 1970-01-01, to: ${change} }
  - { of: EUR, in: USD, rate: "1${other}", from: ${change} }
`,
  );
  const head = 'currency: USD\npools: [{ name: half, gpus: ["*H100"] }]\n';
  return fc
    .tuple(gpus, some(commitments), some(energy), some(carbon), some(overhead), some(policy), rates)
    .map((parts) => head + parts.join(""));
}
