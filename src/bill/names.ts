/** Who issues the bill and for what account: of the configuration, for formats that ask for it. */
export interface BillingNames {
  billingAccountId: string;
  billingAccountName: string;
  /** Who makes the GPUs available. */
  provider: string;
  publisher: string;
  invoiceIssuer: string;
  /** Where the node stands; absent where nobody said. */
  region?: string | undefined;
}

/** What of them was configured. */
export type ConfiguredNames = { [K in keyof BillingNames]?: BillingNames[K] | undefined };

/** What was configured, over what a node knows of itself: its own name. */
export function billingNames(configured: ConfiguredNames, node: string): BillingNames {
  const { billingAccountId = node, provider = node } = configured;
  return {
    billingAccountId,
    billingAccountName: configured.billingAccountName ?? billingAccountId,
    provider,
    publisher: configured.publisher ?? provider,
    invoiceIssuer: configured.invoiceIssuer ?? provider,
    region: configured.region,
  };
}
