import { AssayError, type ErrorCode } from "../../model/errors.ts";

const KINDS = "a PyTorch profiler trace (.json, .json.gz) or an Nsight Systems export (.sqlite)";

export function notATrace(file: string, what: string, hint = `it takes ${KINDS}`): AssayError {
  return new AssayError("trace/format", what, { place: file, hint });
}

export function malformedTrace(place: string, what: string, cause?: unknown): AssayError {
  return new AssayError("trace/malformed", what, {
    place,
    hint: "export it again; a trace that only breaks off at its end is read as far as it goes",
    cause,
  });
}

export function traceFault(code: ErrorCode, place: string, what: string, hint: string): AssayError {
  return new AssayError(code, what, { place, hint });
}
