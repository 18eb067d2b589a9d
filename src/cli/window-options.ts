import type { WindowArguments } from "../bill/report-window.ts";
import { AssayError } from "../model/errors.ts";

type Argument = keyof WindowArguments;

const OPTIONS: Readonly<Record<Argument, string>> = {
  from: "--from",
  to: "--to",
  month: "--month",
  day: "--day",
  timeZone: "--time-zone",
};

/**
 * What `make` makes of a window. An error's place is then the option that was typed, where else it
 * is the argument's own name, as the HTTP API has it.
 * @param names of arguments that another option stands for
 */
export async function withWindowOptions<T>(
  make: () => T | Promise<T>,
  names: Partial<Readonly<Record<Argument, string>>> = {},
): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (!(error instanceof AssayError) || error.code !== "report/window") throw error;
    const options = { ...OPTIONS, ...names };
    const argument = (Object.keys(OPTIONS) as Argument[]).find((each) => each === error.place);
    if (argument === undefined) throw error;
    const { message, hint, cause } = error;
    throw new AssayError(error.code, message, { place: options[argument], hint, cause });
  }
}
