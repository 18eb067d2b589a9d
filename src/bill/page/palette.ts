import type { State } from "./states.ts";

/*
 * After Okabe and Ito: hues that stay apart with every common kind of colour blindness, each at least
 * 3 : 1 against the ground where it stands for something that was used. No colour stands alone: each
 * goes with a pattern of its own and a word.
 */
export interface Theme {
  paper: string;
  /** Ground of key figures, and of every other row. */
  tint: string;
  ink: string;
  muted: string;
  rule: string;
  link: string;
  alarm: string;
  alarmGround: string;
  states: Readonly<Record<State, string>>;
}

export const LIGHT: Theme = {
  paper: "#ffffff",
  tint: "#f5f6f8",
  ink: "#16191d",
  muted: "#565d66",
  rule: "#d9dde3",
  link: "#0a5a91",
  alarm: "#8f1d00",
  alarmGround: "#fff1e8",
  states: {
    "training-like": "#0072b2",
    "inference-like": "#00936b",
    other: "#a8447f",
    "nearly-idle": "#5c3d1e",
    unknown: "#4a4f57",
    "mining-like": "#b03a00",
    held: "#b88600",
    idle: "#c3c9d1",
    unobserved: "#8a929c",
  },
};

export const DARK: Theme = {
  paper: "#13161a",
  tint: "#1b1f25",
  ink: "#eceef1",
  muted: "#a9b0ba",
  rule: "#333a43",
  link: "#7cc4f2",
  alarm: "#ffb08f",
  alarmGround: "#33190d",
  states: {
    "training-like": "#4aa8e0",
    "inference-like": "#35c496",
    other: "#e08abd",
    "nearly-idle": "#84603c",
    unknown: "#c9ced6",
    "mining-like": "#ff7f3f",
    held: "#f2c14e",
    idle: "#49515c",
    unobserved: "#8f98a4",
  },
};

/** Marks of a state's pattern: drawn over its colour in the paper's colour, or the other way round. */
export const PATTERNS: Readonly<Record<State, { path: string; width: number; open?: boolean }>> = {
  "training-like": { path: "", width: 0 },
  "inference-like": { path: "M0,4H8", width: 1.4 },
  other: { path: "M4,0V8", width: 1.4 },
  "nearly-idle": { path: "M0,4H3M4,0H7", width: 1.2 },
  unknown: { path: "M1,2h2M5,6h2", width: 2 },
  "mining-like": { path: "M0,0L8,8M8,0L0,8", width: 1.3 },
  held: { path: "M-2,2L2,-2M-2,10L10,-2M6,10L10,6", width: 2 },
  idle: { path: "", width: 0, open: false },
  unobserved: { path: "M-2,6L2,10M-2,-2L10,10M6,-2L10,2", width: 1.4, open: true },
};
