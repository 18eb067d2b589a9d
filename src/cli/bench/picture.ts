import { renderRoofline } from "../../plot/roofline/figure.ts";
import { type BenchReport, rooflineOfReport } from "./report.ts";
import { driverText, timingText } from "./text.ts";

/** The roofline of a report as SVG; undefined where nothing was measured. */
export function pictureOf(report: BenchReport): string | undefined {
  const rates = report.kernels.filter((each) => each.outcome === "measured");
  if (rates.length === 0) return undefined;
  const { software, kernels, durationSeconds, adapter } = report;
  const others = kernels.filter((each) => each.outcome !== "measured");
  const date = new Date(report.atMs).toISOString().slice(0, 10);
  const count = `${rates.length} kernel${rates.length === 1 ? "" : "s"}`;
  const how = `${count} in ${durationSeconds.toFixed(0)} s, timed ${timingText(rates)}`;
  const figure = {
    adapter: report.adapterName,
    software,
    roofline: rooflineOfReport(report),
    notes: [
      `${date}, gpu-assay ${report.version}; driver: ${driverText(adapter)}`,
      how,
      ...(others.length > 0
        ? [`not measured: ${others.map(({ kernel }) => kernel).join(", ")}`]
        : []),
    ],
  };
  return renderRoofline(figure);
}
