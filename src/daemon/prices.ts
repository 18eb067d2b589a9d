import { readFileSync } from "node:fs";
import { parsePriceList } from "../bill/price-list.ts";
import type { PriceList } from "../bill/price-types.ts";
import { AssayError } from "../model/errors.ts";

/** Reads a price list. @throws AssayError price/* */
export function loadPrices(path: string): PriceList {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new AssayError("price/invalid", "the price list cannot be read", {
      place: path,
      hint: "docs/billing.md explains the format",
      cause,
    });
  }
  return parsePriceList(text, path);
}
