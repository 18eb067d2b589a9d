import { AssayError, type ErrorCode } from "../model/errors.ts";

const STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  "request/invalid": 400,
  "report/window": 400,
  "report/format": 400,
  "price/currency": 400,
  "request/host": 403,
  "request/not-found": 404,
  "incident/not-found": 404,
  "incident/ambiguous": 400,
};

export interface Failure {
  status: number;
  body: {
    error: {
      code: ErrorCode;
      message: string;
      place?: string | undefined;
      hint?: string | undefined;
    };
  };
}

/** What a client is told of an error. The text of an error nobody foresaw stays in the log. */
export function failureOf(error: unknown): Failure {
  if (error instanceof AssayError) {
    const { code, message, place, hint } = error;
    return { status: STATUS[code] ?? 500, body: { error: { code, message, place, hint } } };
  }
  const status = clientFault(error);
  if (status !== undefined)
    return {
      status,
      body: { error: { code: "request/invalid", message: "The request is malformed." } },
    };
  const message = "The request failed.";
  return {
    status: 500,
    body: { error: { code: "request/internal", message, hint: "the agent's log says why" } },
  };
}

/** The status of an error by which the HTTP layer refused a request itself. */
function clientFault(error: unknown): number | undefined {
  const statusCode: unknown = Reflect.get(Object(error), "statusCode");
  const isFault = typeof statusCode === "number" && statusCode >= 400 && statusCode < 500;
  return isFault ? statusCode : undefined;
}
