import type { Command } from "commander";
import { labelRecording } from "./label-recording.ts";
import { sliceText, warningText } from "./format.ts";
import type { CommandIo } from "./io.ts";

const ABOUT = `Print the slices of a recording: who had which share of each window, and what it
was.

Nothing is written and nothing is served; \`assay run --recording FILE\` runs the
whole daemon on one.`;

export function addReplayCommand(program: Command, io: CommandIo): void {
  program
    .command("replay")
    .summary("Print the slices of a recording")
    .description(ABOUT)
    .argument("<file>", "a recording, plain or gzip")
    .option("--json", "one slice a line as JSON, evidence included")
    .action(async (file: string, options: { json?: boolean }) => {
      const warnings = await labelRecording(file, io.signal, ({ gpu, slices }) => {
        for (const slice of slices)
          io.stdout(
            options.json
              ? `${JSON.stringify({ gpu: gpu.index, ...slice })}\n`
              : `${sliceText(slice, `gpu${gpu.index}`)}\n`,
          );
      });
      for (const warning of warnings) io.stderr(`${warningText(file, warning)}\n`);
    });
}
