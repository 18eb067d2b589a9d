import { stringify } from "csv-stringify/sync";
import { ByteWriter, parquetWrite } from "hyparquet-writer";
import type { SchemaElement } from "hyparquet-writer";
import { AssayError } from "../../model/errors.ts";
import { formatDecimal } from "../../model/money.ts";
import { sanitize } from "../../model/text.ts";
import { formatInstant } from "../instant.ts";
import type { BillingNames } from "../names.ts";
import { MAX_CELL } from "../render/cells.ts";
import type { PricedPiece } from "../lines.ts";
import { allocatedCharges } from "./charges.ts";
import { type FocusCharge, type FocusColumn, type FocusVersion, focusColumns } from "./columns.ts";

/** What FOCUS rows are made of. */
export interface FocusSource {
  /** Cut at the months' ends. */
  pieces: readonly PricedPiece[];
  /** Absent without a price list. */
  currency: string | undefined;
  version: FocusVersion;
  names: BillingNames;
}

/**
 * Charges as FOCUS rows in RFC 4180 CSV: what is null is an empty cell, amounts have nine
 * places, times are ISO 8601 in UTC. A text that a spreadsheet would take for a formula begins with `'`.
 * @throws AssayError report/format without a price list
 */
export function renderFocusCsv(source: FocusSource): string {
  const columns = focusColumns(source.version);
  const rows = focusCharges(source).map((charge) =>
    columns.map((column) => csvCell(column, charge)),
  );
  return stringify([columns.map(({ name }) => name), ...rows], {
    record_delimiter: "\r\n",
    escape_formulas: true,
  });
}

function csvCell(column: FocusColumn, charge: FocusCharge): string {
  switch (column.type) {
    case "text":
      return sanitize(column.cell(charge) ?? "", MAX_CELL);
    case "decimal": {
      const nanos = column.cell(charge);
      return nanos === undefined ? "" : formatDecimal(nanos, 9);
    }
    case "time": {
      const atMs = column.cell(charge);
      return atMs === undefined ? "" : formatInstant(atMs);
    }
    case "json":
    case "integer":
    case "boolean":
      return String(column.cell(charge) ?? "");
  }
}

const DECIMAL = {
  type: "FIXED_LEN_BYTE_ARRAY",
  type_length: 16,
  converted_type: "DECIMAL",
  precision: 38,
  scale: 9,
} as const;

const TYPES = {
  text: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  json: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  decimal: DECIMAL,
  time: { type: "INT64", converted_type: "TIMESTAMP_MILLIS" },
  integer: { type: "INT64" },
  boolean: { type: "BOOLEAN" },
} as const satisfies Record<FocusColumn["type"], Omit<SchemaElement, "name">>;

/**
 * The same rows as {@link renderFocusCsv} in Parquet: amounts are DECIMAL(38,9), exact as in CSV.
 * @throws AssayError report/format without a price list
 */
export function renderFocusParquet(source: FocusSource): Uint8Array {
  const columns = focusColumns(source.version);
  const charges = focusCharges(source);
  const writer = new ByteWriter();
  parquetWrite({
    writer,
    columnData: columns.map((column) => ({
      name: column.name,
      data: charges.map((charge) => parquetCell(column, charge)),
    })),
    schema: [
      { name: "root", num_children: columns.length },
      ...columns.map(({ name, type }) => ({
        name,
        repetition_type: "OPTIONAL" as const,
        ...TYPES[type],
      })),
    ],
    createdBy: "gpu-assay",
  });
  return writer.getBytes();
}

function parquetCell(column: FocusColumn, charge: FocusCharge): unknown {
  switch (column.type) {
    case "text": {
      const value = column.cell(charge);
      return value === undefined ? undefined : sanitize(value, MAX_CELL);
    }
    case "time": {
      const atMs = column.cell(charge);
      return atMs === undefined ? undefined : new Date(atMs);
    }
    case "integer": {
      const amount = column.cell(charge);
      return amount === undefined ? undefined : BigInt(amount);
    }
    case "decimal": // A bigint is taken as the unscaled value.
    case "json":
    case "boolean":
      return column.cell(charge);
  }
}

function focusCharges({ pieces, currency, names }: FocusSource): FocusCharge[] {
  if (currency !== undefined)
    return allocatedCharges(pieces).map((charge) => ({ ...charge, currency, names }));
  throw new AssayError("report/format", "FOCUS is a format of costs, and there is no price list.", {
    hint: "name one with --prices, or prices.file of the configuration (docs/billing.md)",
  });
}
