import { scaleLog } from "d3-scale";
import { resourceName, resourceRateText } from "../../model/rate-text.ts";
import { ARITHMETIC, type Ceiling, DEVICE_MEMORY, type Roofline } from "../../model/roofline.ts";
import { INK } from "../colours.ts";
import { type EndLabel, endLabels } from "../end-labels.ts";
import { markBox } from "../label-places.ts";
import { element, text, type Xml } from "../xml.ts";
import { axes } from "./axes.ts";
import { ceilingLines, type Frame, type LogScale, slopes } from "./ceilings.ts";
import { insideMarks, insidePoints, type Point, pointsOf, stripMarks } from "./points.ts";

const MARGIN = 20;
const LEFT = 78;
const RIGHT = 600;
/** Kernels that need no device memory: arithmetic alone limits them, however far right they are. */
const STRIP_LEFT = 612;
const STRIP_RIGHT = 740;
const AXIS = 36;
/** Of ten: beyond them is no device, and what lies there is drawn at the edge. */
const LEAST_POWER = -9;
const MOST_POWER = 24;

/** The log-log panel: slopes of the memory, ceilings of the arithmetic, kernels below them. */
export function roof(
  roofline: Roofline,
  top: number,
  height: number,
): { xml: Xml; bottom: number } {
  const bottom = top + height;
  const points = pointsOf(roofline);
  const flat = ceilingsOf(roofline, ARITHMETIC);
  const sloped = ceilingsOf(roofline, DEVICE_MEMORY);
  const x = scaleLog(intensities(points, flat, sloped), [LEFT, RIGHT]).clamp(true);
  const y = scaleLog(rates(points, flat, sloped, x), [bottom, top]).clamp(true);
  const across = { left: LEFT, right: RIGHT, stripLeft: STRIP_LEFT, stripRight: STRIP_RIGHT };
  const frame: Frame = { x, y, ...across, top, bottom };

  const inside = insidePoints(points, frame);
  const steep = slopes(sloped, flat, frame, inside.map(markBox));
  const level = ceilingLines(flat, sloped, frame);
  const strip = stripMarks(points, frame);
  const heading = "arithmetic a second, over arithmetic per byte of device memory";
  const xml = element("g", {}, [
    element("text", { x: MARGIN, y: top - 10, fill: INK, "font-size": 11 }, [text(heading)]),
    axes(frame),
    steep.xml,
    level.xml,
    ...strip.marks,
    insideMarks(inside, frame, { never: steep.names, rather: [...steep.lines, ...level.lines] }),
    endLabels(
      [...flat.map((each) => lineName(each, y)), ...strip.labels],
      STRIP_RIGHT,
      top,
      bottom,
    ),
  ]);
  return { xml, bottom: bottom + AXIS };
}

function ceilingsOf(
  { ceilings }: Roofline,
  resources: readonly Ceiling["resource"][],
): readonly Ceiling[] {
  return ceilings.filter(({ resource }) => resources.includes(resource));
}

function lineName({ resource, perSecond, kernel }: Ceiling, y: LogScale): EndLabel {
  const name = `${resourceName(resource)}: ${resourceRateText(resource, perSecond)} (${kernel})`;
  return { name, y: y(perSecond), colour: INK };
}

/** Whole decades around every point and every bend of the roof. */
function intensities(
  points: readonly Point[],
  flat: readonly Ceiling[],
  sloped: readonly Ceiling[],
): [number, number] {
  const bends = flat.flatMap((each) => sloped.map((slope) => each.perSecond / slope.perSecond));
  const shown = points.flatMap((point) => point.operationsPerByte ?? []);
  return decades([...shown, ...bends], [1, 100], 3);
}

function rates(
  points: readonly Point[],
  flat: readonly Ceiling[],
  sloped: readonly Ceiling[],
  x: LogScale,
): [number, number] {
  const [least = 1] = x.domain();
  const all = [
    ...points.map((point) => point.operationsPerSecond),
    ...flat.map(({ perSecond }) => perSecond),
    // A slope without any arithmetic is shown over its first decade.
    ...sloped.map(({ perSecond }) => perSecond * least * 10),
  ];
  return decades(all, [1e9, 1e12], 1.5);
}

/** @param air how far from an end of the axis a value must be, as a factor */
function decades(
  values: readonly number[],
  otherwise: [number, number],
  air: number,
): [number, number] {
  if (values.length === 0) return otherwise;
  const low = Math.floor(Math.log10(Math.min(...values) / air));
  const high = Math.ceil(Math.log10(Math.max(...values) * air));
  const within = (power: number): number => Math.max(LEAST_POWER, Math.min(power, MOST_POWER));
  return [10 ** within(low), 10 ** Math.max(within(low) + 1, within(high))];
}
