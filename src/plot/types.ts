/** What one stretch of a series came to. */
export interface PlotPoint {
  fromMs: number;
  toMs: number;
  min: number;
  mean: number;
  max: number;
  /** Between this point and the one before nobody measured: no line joins them. */
  afterHole: boolean;
}

export interface PlotSeries {
  name: string;
  points: readonly PlotPoint[];
}

/** One panel: series of one unit over the figure's time. */
export interface PlotChart {
  title: string;
  unit: string;
  /** What a value is multiplied by to be shown in `unit`. */
  scale: number;
  /** Ends of the vertical axis, before `scale`; from 0 to the largest value where absent. */
  domain?: readonly [number, number] | undefined;
  series: readonly PlotSeries[];
  /** Horizontal lines that values are held against. */
  references?: readonly { name: string; value: number }[] | undefined;
}

/** A stretch in which nobody measured, with what is said of it. */
export interface PlotBand {
  fromMs: number;
  toMs: number;
  /** Whether the recording itself tells of it. */
  announced: boolean;
  title: string;
}

/** The panels of one device. */
export interface PlotGroup {
  title: string;
  subtitle: string;
  charts: readonly PlotChart[];
  bands: readonly PlotBand[];
}

/** A figure: groups of panels above each other on one time axis. */
export interface PlotFigure {
  title: string;
  /** For those who cannot see the picture. */
  description: string;
  notes: readonly string[];
  /** Said loudly at the top. */
  warning?: string | undefined;
  /** The axis, in Unix milliseconds. */
  fromMs: number;
  toMs: number;
  groups: readonly PlotGroup[];
}
