import { formatDecimal } from "../../model/money.ts";
import { type OwnerFacts, parseOwnerKey } from "../../model/owner.ts";
import { sanitize } from "../../model/text.ts";
import type { BillingNames } from "../names.ts";
import { MAX_CELL } from "../render/cells.ts";
import type { AllocatedCharge, OriginCharge } from "./charges.ts";
import { KINDS, type KindSpec } from "./kinds.ts";

export const FOCUS_VERSIONS = ["1.2", "1.3"] as const;
export type FocusVersion = (typeof FOCUS_VERSIONS)[number];

/** What a column's cells are of: a `decimal` has nine places, and a `time` is Unix milliseconds. */
interface CellTypes {
  text: string;
  json: string;
  decimal: bigint;
  time: number;
  integer: number;
  boolean: boolean;
}

/** A charge and what is the same for all of a report. */
export interface FocusCharge extends AllocatedCharge {
  currency: string;
  names: BillingNames;
}

/** One column: null is undefined. */
export type FocusColumn = {
  [T in keyof CellTypes]: {
    name: string;
    type: T;
    /** Of the version that brought it. */
    since?: "1.3";
    cell: (charge: FocusCharge) => CellTypes[T] | undefined;
  };
}[keyof CellTypes];

type Cell<T extends keyof CellTypes> = (charge: FocusCharge) => CellTypes[T] | undefined;

const text = (name: string, cell: Cell<"text">): FocusColumn => ({ name, type: "text", cell });
const json = (name: string, cell: Cell<"json">): FocusColumn => ({ name, type: "json", cell });
const time = (name: string, cell: Cell<"time">): FocusColumn => ({ name, type: "time", cell });
const decimal = (name: string, cell: Cell<"decimal">): FocusColumn => ({
  name,
  type: "decimal",
  cell,
});

/** How the parts of a charge are found; docs/reports.md explains both. */
const METHODS = { ms: "gpu-time-share", mJ: "gpu-energy-share" } as const;
const UNITS = { ms: "Hours", mJ: "kWh" } as const;
const USAGE_UNITS = { ms: "GPU-Milliseconds", mJ: "Millijoules" } as const;

const unit: Cell<"text"> = ({ origin }) => UNITS[amountKind(origin)];
const quantity: Cell<"decimal"> = (charge) => charge.quantity;
const contracted: Cell<"decimal"> = (charge) => charge.contracted;
const ofCommitment =
  (value: (commitment: string) => string): Cell<"text"> =>
  ({ origin: { commitment } }) =>
    commitment === undefined ? undefined : value(commitment);

/**
 * The columns of FOCUS that there is something to say in, in the order of their names, and then our
 * own. All but the `Allocated` ones and `x_` ones are the origin charge's, or sum to it.
 */
const COLUMNS: readonly FocusColumn[] = [
  { ...json("AllocatedMethodDetails", methodDetails), since: "1.3" },
  { ...text("AllocatedMethodId", ({ origin }) => METHODS[amountKind(origin)]), since: "1.3" },
  { ...text("AllocatedResourceId", ({ ownerKey }) => ownerKey), since: "1.3" },
  { ...text("AllocatedResourceName", resourceName), since: "1.3" },
  { ...json("AllocatedTags", allocatedTags), since: "1.3" },
  decimal("BilledCost", contracted),
  text("BillingAccountId", ({ names }) => names.billingAccountId),
  text("BillingAccountName", ({ names }) => names.billingAccountName),
  text("BillingCurrency", ({ currency }) => currency),
  time("BillingPeriodEnd", ({ origin }) => origin.month.toMs),
  time("BillingPeriodStart", ({ origin }) => origin.month.fromMs),
  text("ChargeCategory", () => "Usage"),
  text("ChargeClass", () => undefined),
  text("ChargeDescription", ({ origin }) => description(origin)),
  text("ChargeFrequency", () => "Usage-Based"),
  time("ChargePeriodEnd", ({ origin }) => origin.toMs),
  time("ChargePeriodStart", ({ origin }) => origin.fromMs),
  text(
    "CommitmentDiscountCategory",
    ofCommitment(() => "Usage"),
  ),
  text("CommitmentDiscountId", ofCommitment(String)),
  text("CommitmentDiscountName", ofCommitment(String)),
  decimal("CommitmentDiscountQuantity", (charge) =>
    charge.origin.commitment === undefined ? undefined : quantity(charge),
  ),
  text(
    "CommitmentDiscountStatus",
    ofCommitment(() => "Used"),
  ),
  text(
    "CommitmentDiscountType",
    ofCommitment(() => "Commitment"),
  ),
  text("CommitmentDiscountUnit", (charge) =>
    charge.origin.commitment === undefined ? undefined : unit(charge),
  ),
  decimal("ConsumedQuantity", quantity),
  text("ConsumedUnit", unit),
  decimal("ContractedCost", contracted),
  decimal("ContractedUnitPrice", ({ origin }) => origin.contractedUnitNanos),
  decimal("EffectiveCost", ({ effective }) => effective),
  { ...text("HostProviderName", ({ names }) => names.provider), since: "1.3" },
  text("InvoiceIssuerName", ({ names }) => names.invoiceIssuer),
  decimal("ListCost", ({ list }) => list),
  decimal("ListUnitPrice", ({ origin }) => origin.listUnitNanos),
  text("PricingCategory", ({ origin }) =>
    origin.commitment === undefined ? "Standard" : "Committed",
  ),
  decimal("PricingQuantity", quantity),
  text("PricingUnit", unit),
  text("ProviderName", ({ names }) => names.provider),
  text("PublisherName", ({ names }) => names.publisher),
  text("RegionId", ({ names }) => names.region),
  text("RegionName", ({ names }) => names.region),
  text("ResourceId", ({ origin }) => origin.gpu.uuid),
  text("ResourceName", ({ origin }) => gpuName(origin)),
  text("ResourceType", () => "GPU"),
  text("ServiceCategory", () => "Compute"),
  text("ServiceName", () => "GPU node"),
  { ...text("ServiceProviderName", ({ names }) => names.provider), since: "1.3" },
  text("ServiceSubcategory", () => "Other (Compute)"),
  text("SkuId", ({ origin }) => skuId(origin)),
  text("SkuMeter", ({ origin }) => KINDS[origin.kind].meter),
  json("SkuPriceDetails", ({ origin }) => skuDetails(origin)),
  text(
    "SkuPriceId",
    ({ origin }) => `${skuId(origin)}@${formatDecimal(origin.contractedUnitNanos, 9)}`,
  ),
  text("SubAccountId", ({ origin }) => origin.gpu.node),
  text("SubAccountName", ({ origin }) => origin.gpu.node),
  json("Tags", ({ origin }) => JSON.stringify(originTags(origin))),
  text("x_Charge", ({ charge }) => charge),
  decimal("x_Confidence", ({ confidenceNanos }) => confidenceNanos),
  decimal("x_Coverage", ({ origin }) => origin.coverageNanos),
  {
    name: "x_EnergyMj",
    type: "integer",
    cell: ({ origin, amount }) => (origin.kind === "energy" ? amount : undefined),
  },
  {
    name: "x_GpuMs",
    type: "integer",
    cell: ({ origin, amount }) => (origin.kind === "time" ? amount : undefined),
  },
  text("x_Label", ({ label }) => label),
  text("x_Owner", ({ ownerKey }) => ownerKey),
  text("x_OwnerKind", ({ ownerKey }) => parseOwnerKey(ownerKey)?.kind),
  { name: "x_Simulated", type: "boolean", cell: ({ simulated }) => simulated },
];

export function focusColumns(version: FocusVersion): FocusColumn[] {
  return COLUMNS.filter(({ since }) => since === undefined || since === version);
}

function amountKind({ kind }: OriginCharge): KindSpec["amount"] {
  return KINDS[kind].amount;
}

function gpuName({ gpu }: OriginCharge): string {
  return `${gpu.model} (GPU ${gpu.index})`;
}

function description(origin: OriginCharge): string {
  return `${KINDS[origin.kind].what} of ${gpuName(origin)} of node ${origin.gpu.node}`;
}

function skuId({ kind, gpu }: OriginCharge): string {
  if (kind === "energy") return "kwh";
  return kind === "time" ? `gpu-hour/${gpu.model}` : kind;
}

function skuDetails({ kind, gpu }: OriginCharge): string | undefined {
  if (kind !== "time") return undefined;
  return JSON.stringify({ GpuCount: 1, x_GpuModel: sanitize(gpu.model, MAX_CELL) });
}

function methodDetails({ origin, ratioNanos, amount }: FocusCharge): string {
  // A decimal, not a binary fraction: those of one origin sum to 1.
  const ratio = formatDecimal(ratioNanos, 9);
  return `{"Elements":[{"AllocatedRatio":${ratio},"UsageUnit":"${USAGE_UNITS[amountKind(origin)]}","UsageQuantity":${amount}}]}`;
}

/** The proven name behind an owner's key; the key where there is none. */
function resourceName({ ownerKey, facts }: FocusCharge): string {
  return facts?.jobName ?? facts?.pod ?? facts?.containerName ?? facts?.unit ?? ownerKey;
}

function originTags({ gpu }: OriginCharge): Record<string, string> {
  return { "assay/node": gpu.node, "assay/gpu-model": sanitize(gpu.model, MAX_CELL) };
}

/** Facts that a bill may be grouped by. What was only declared is none of them. */
const TAGGED = ["user", "team", "costCentre", "account", "namespace", "pod", "job"] as const;

function allocatedTags(charge: FocusCharge): string {
  const { origin, facts = {} } = charge;
  const tags: Record<string, string> = {
    ...originTags(origin),
    "assay/charge": charge.charge,
    "assay/label": charge.label,
  };
  for (const fact of TAGGED) Object.assign(tags, tagOf(fact, facts));
  return JSON.stringify(tags);
}

function tagOf(fact: (typeof TAGGED)[number], facts: OwnerFacts): Record<string, string> {
  const value = facts[fact];
  const name = fact === "costCentre" ? "cost-centre" : fact;
  return value === undefined ? {} : { [`assay/${name}`]: sanitize(value, MAX_CELL) };
}
