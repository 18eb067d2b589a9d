import { AssayError } from "../model/errors.ts";
import { sanitize } from "../model/text.ts";
import { LIBRARY_PLACE } from "../probe/device-channel.ts";
import { adapterHints, readVulkanFacts } from "../probe/vulkan.ts";
import type { CommandIo } from "./io.ts";

/** Without an adapter: what this machine lacks for one, or which names there are. */
export async function explainedAdapterFailure(
  error: unknown,
  adapterName: string | undefined,
  io: Pick<CommandIo, "env">,
): Promise<unknown> {
  if (!(error instanceof AssayError)) return error;
  const { code, message, place } = error;
  // The library knows the names that it matches against; they are in no other answer of it.
  const [, named] = /Available adapters:(.*)/s.exec(message) ?? [];
  if (code === "probe/refused" && adapterName !== undefined && named !== undefined)
    return new AssayError("cli/usage", `no adapter is named "${sanitize(adapterName, 60)}"`, {
      place: "--adapter",
      hint: `there is:${named.replaceAll("\\u{a}", "")}`,
      cause: error,
    });
  if (code !== "probe/unavailable" || place === LIBRARY_PLACE) return error;
  const hints = adapterHints(await readVulkanFacts({ root: "/", environment: io.env }));
  return new AssayError(code, message, { place, hint: hints.join("\n  hint: "), cause: error });
}
