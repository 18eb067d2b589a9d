import type { Command } from "commander";
import { z } from "zod";
import { DEFAULT_CONFIG_TEXT } from "../config/defaults.ts";
import { loadConfig } from "../config/load.ts";
import { configSchema } from "../config/schema.ts";
import type { CommandIo } from "./io.ts";

export function addConfigCommand(program: Command, io: CommandIo): void {
  const config = program
    .command("config")
    .description("Show, check or describe the configuration file");
  config
    .command("print")
    .description("Print the default configuration with comments: a file to start from")
    .action(() => io.stdout(DEFAULT_CONFIG_TEXT));
  config
    .command("check")
    .description("Check a configuration file; says place and hint of the first mistake")
    .argument("<file>", "a YAML file")
    .action((file: string) => {
      loadConfig(file);
      io.stdout(`${file}: ok\n`);
    });
  config
    .command("schema")
    .description("Print the JSON Schema of the configuration, for editors")
    .action(() => {
      const schema = z.toJSONSchema(configSchema, { io: "input", unrepresentable: "any" });
      io.stdout(`${JSON.stringify(schema, null, 2)}\n`);
    });
}
