import type { AdapterDescription } from "../../src/probe/protocol.ts";

/** What an adapter says of itself: a GPU without a name and without any feature, but for `over`. */
export function adapterDescription(over: Partial<AdapterDescription> = {}): AdapterDescription {
  return {
    vendor: "",
    architecture: "",
    device: "",
    description: "",
    isFallbackAdapter: false,
    software: false,
    timestamps: true,
    features: [],
    languageFeatures: [],
    matrixConfigs: [],
    limits: {},
    ...over,
  };
}
