import type { EvidenceModel } from "../../classify/evidence-model.ts";
import type { Evidence } from "../../model/evidence.ts";
import type { Label } from "../../model/label.ts";
import type { Signature } from "../../model/signature.ts";
import type { Slice } from "../../model/slice.ts";
import type { Window } from "../../model/window.ts";
import type { DeviceScale } from "../../signature/scale.ts";

/** What a device's window looked like as a whole: only where the pipeline was run again. */
export interface DeviceView {
  label: Label;
  /** Of the best label, 0..1. */
  confidence: number;
  evidence: readonly Evidence[];
  signature: Signature;
}

/** One window of one device. */
export interface SceneWindow {
  window: Window;
  slices: readonly Slice[];
  device?: DeviceView | undefined;
}

/** Everything that an explanation is made of, from a recording or from a ledger alike. */
export interface Scene {
  source: { kind: "recording" | "ledger"; path: string };
  atMs: number;
  node: string;
  simulated: boolean;
  gpu: { index: number; uuid: string; model: string };
  windowMs: number;
  here: SceneWindow;
  /** Those around it that exist, in time order, without it. */
  around: readonly SceneWindow[];
  /** The model that ships with this program; a slice may have been made by another. */
  model: EvidenceModel;
  /** How far the odds of an accusation may fall by what programs declare. */
  maxRelief: number;
  /** The scale that levels were read on, where it is known. */
  scale?: DeviceScale | undefined;
  agentVersion: string;
}

/** Windows to each side that are shown. */
export const AROUND = 6;
