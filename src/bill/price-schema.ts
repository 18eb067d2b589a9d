import { z } from "zod";
import { HELD_BEARERS, SHARINGS } from "./allocation-policy.ts";
import { amount, currency, days, hours, instant, timeZone } from "./price-fields.ts";

const endsLater = (dates: { from: number; to?: number | undefined }): boolean =>
  dates.to === undefined || dates.to > dates.from;
const ORDER = { message: "`to` must be later than `from`", path: ["to"] };

const pattern = z.string("must be a name or a pattern").min(1, "must not be empty").max(200);
const model = z.string("must be a GPU's model name").min(1, "must not be empty").max(200);
const name = z.string("must be a name").min(1, "must not be empty").max(80);

const dated = { from: instant, to: instant.optional() };
const timed = {
  ...dated,
  hours: hours.optional(),
  days: days.optional(),
  timeZone: timeZone.optional(),
};
const own = { currency: currency.optional() };

const oneScope = (names: string) => ({ message: `takes one of ${names}`, path: ["pool"] });
const isOneScope = (scope: {
  gpu?: string | undefined;
  node?: string | undefined;
  pool?: string | undefined;
}) => [scope.gpu, scope.node, scope.pool].filter((each) => each !== undefined).length <= 1;

const gpuShape = {
  model,
  node: pattern.optional(),
  pool: name.optional(),
  perGpuHour: amount,
  listPerGpuHour: amount.optional(),
  ...own,
  ...dated,
};

const commitmentShape = {
  name,
  model: model.optional(),
  gpu: pattern.optional(),
  node: pattern.optional(),
  pool: name.optional(),
  perGpuHour: amount.optional(),
  listPerGpuHour: amount.optional(),
  upfront: amount.optional(),
  devices: z.coerce
    .number("must be a number of devices")
    .int("must be whole")
    .min(1)
    .max(1_000_000)
    .optional(),
  ...own,
  ...dated,
};

const commitment = z
  .strictObject(commitmentShape)
  .refine(endsLater, ORDER)
  .refine(isOneScope, oneScope("`gpu`, `node` and `pool`"))
  .refine(
    ({ model: m, gpu, node, pool }) => [m, gpu, node, pool].some((each) => each !== undefined),
    {
      message: "needs one of `model`, `gpu`, `node` and `pool`: what it is for",
    },
  )
  .refine(({ perGpuHour, upfront }) => perGpuHour !== undefined || upfront !== undefined, {
    message: "needs `perGpuHour`, `upfront`, or both",
  })
  .refine(
    ({ upfront, devices, to }) =>
      upfront === undefined || (devices !== undefined && to !== undefined),
    {
      message: "`upfront` needs `devices`, how many it paid for, and `to`, until when",
      path: ["upfront"],
    },
  );

const energyShape = { perKwh: amount, ...own, ...timed };
const carbonShape = { gramsPerKwh: amount, ...timed };
const rateShape = { of: currency, in: currency, rate: amount, ...dated };
const poolShape = {
  name,
  nodes: z.array(pattern).min(1).optional(),
  gpus: z.array(pattern).min(1).optional(),
};
const overheadShape = {
  name,
  perGpuHour: amount.optional(),
  pue: amount.optional(),
  ...own,
  from: instant.default(Number.NEGATIVE_INFINITY),
  to: instant.optional(),
};
const sharing = z.enum(SHARINGS, `must be one of ${SHARINGS.join(", ")}`);
const allocationShape = {
  idleHeld: z.enum(HELD_BEARERS, `must be one of ${HELD_BEARERS.join(", ")}`).default("holder"),
  idleFree: sharing.default("none"),
  unobserved: sharing.default("none"),
  unattributed: sharing.default("none"),
  agent: sharing.default("none"),
  overhead: sharing.default("none"),
};
const defaultShape = { perGpuHour: amount, ...own };

const shape = {
  currency,
  pools: z
    .array(
      z
        .strictObject(poolShape)
        .refine(({ nodes, gpus }) => nodes ?? gpus, "needs `nodes`, `gpus`, or both"),
    )
    .default([]),
  gpus: z
    .array(
      z
        .strictObject(gpuShape)
        .refine(endsLater, ORDER)
        .refine(isOneScope, oneScope("`node` and `pool`")),
    )
    .default([]),
  commitments: z.array(commitment).default([]),
  energy: z.array(z.strictObject(energyShape).refine(endsLater, ORDER)).default([]),
  carbon: z.array(z.strictObject(carbonShape).refine(endsLater, ORDER)).default([]),
  rates: z
    .array(
      z
        .strictObject(rateShape)
        .refine(endsLater, ORDER)
        .refine(({ rate }) => rate > 0n, { message: "must be above 0", path: ["rate"] })
        .refine((rate) => rate.of !== rate.in, {
          message: "must be another than `of`",
          path: ["in"],
        }),
    )
    .default([]),
  overhead: z
    .array(
      z
        .strictObject(overheadShape)
        .refine(endsLater, ORDER)
        .refine(({ perGpuHour, pue }) => (perGpuHour === undefined) !== (pue === undefined), {
          message: "needs just one of `perGpuHour` and `pue`",
        })
        .refine(({ pue }) => pue === undefined || pue >= 1_000_000_000n, {
          message: "must be at least 1: the facility's energy over the devices'",
          path: ["pue"],
        }),
    )
    .default([]),
  allocation: z.strictObject(allocationShape).optional(),
  default: z.strictObject(defaultShape).optional(),
};

export const priceSchema = z.strictObject(shape);

export type RawPrices = z.output<typeof priceSchema>;

const SECTIONS: Readonly<Record<string, object>> = {
  pools: poolShape,
  gpus: gpuShape,
  commitments: commitmentShape,
  energy: energyShape,
  carbon: carbonShape,
  rates: rateShape,
  overhead: overheadShape,
  allocation: allocationShape,
  default: defaultShape,
};

/** The keys that a section of a price list knows, for "did you mean"; those at the top for none. */
export function knownKeys(section: PropertyKey | undefined): string[] {
  return Object.keys((section !== undefined && SECTIONS[String(section)]) || shape);
}
