import {
  symbol,
  symbolCircle,
  symbolDiamond,
  symbolSquare,
  symbolTriangle,
  symbolWye,
  type SymbolType,
} from "d3-shape";
import type { KernelFamily } from "../../model/calibration.ts";
import { PAPER, SERIES } from "../colours.ts";
import { element, type Xml } from "../xml.ts";

interface Look {
  name: string;
  colour: string;
  shape: SymbolType;
}

/** Told apart by shape as well as by colour. */
const LOOKS: Readonly<Record<KernelFamily, Look>> = {
  hash: { name: "hash", colour: SERIES[1], shape: symbolDiamond },
  matmul: { name: "matmul", colour: SERIES[0], shape: symbolSquare },
  memory: { name: "memory", colour: SERIES[2], shape: symbolTriangle },
  alu: { name: "arithmetic alone", colour: SERIES[3], shape: symbolCircle },
};
const OTHER: Look = { name: "other", colour: SERIES[4], shape: symbolWye };

/** Square pixels. */
const AREA = 70;

export function lookOf(family: KernelFamily | undefined): Look {
  return family === undefined ? OTHER : LOOKS[family];
}

/** A family's shape around a point; the rim keeps it apart from what it lies on. */
export function mark(family: KernelFamily | undefined, x: number, y: number, title?: Xml): Xml {
  const { colour, shape } = lookOf(family);
  const d = symbol(shape, AREA).digits(1)() ?? "";
  const place = `translate(${round(x)},${round(y)})`;
  const rim = { stroke: PAPER, "stroke-width": 1.2, "paint-order": "stroke" };
  return element("path", { d, transform: place, fill: colour, ...rim }, title ? [title] : []);
}

export function round(value: number): number {
  return Math.round(value * 10) / 10;
}
