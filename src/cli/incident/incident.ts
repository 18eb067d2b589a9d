import type { Command } from "commander";
import { incidentDetail } from "../../alert/view/detail.ts";
import { incidentPage } from "../../alert/view/list.ts";
import { findIncident, type IncidentBook, readBook } from "../../alert/view/read.ts";
import { loadConfig } from "../../config/load.ts";
import { defaultStateDir } from "../../config/paths.ts";
import { loadPrices } from "../../daemon/prices.ts";
import { openLedger } from "../../ledger/client.ts";
import { AssayError } from "../../model/errors.ts";
import { sanitize } from "../../model/text.ts";
import type { CommandIo } from "../io.ts";
import { pageOf } from "../page.ts";
import { listText } from "./list-text.ts";
import { showText } from "./show-text.ts";

const ABOUT = `What the ledger knows of incidents: who, when, how much, on what evidence, and which
run, episode or tool call may explain it. May run beside the daemon.

  assay incident list --open
  assay incident show 3f2a9c`;

const MIN_WIDTH = 60;
const MAX_LIMIT = 1000;

interface PlaceOptions {
  config?: string;
  stateDir?: string;
  prices?: string;
  json?: boolean;
  width?: string;
}

interface ListOptions extends PlaceOptions {
  open?: boolean;
  story?: string;
  limit: string;
  after?: string;
}

export function addIncidentCommand(program: Command, io: CommandIo): void {
  const incident = program
    .command("incident")
    .summary("Incidents: a list, or one with all that is known of it")
    .description(ABOUT);
  withPlace(incident.command("list").summary("Incidents, the newest first"))
    .description("List incidents, the newest first.")
    .option("--open", "only those that go on")
    .option("--story <id>", "only those of this story")
    .option("--limit <count>", "how many", "50")
    .option("--after <id>", "go on after this one")
    .action(async (options: ListOptions) => list(options, io));
  withPlace(incident.command("show").summary("One incident, with all that is known of it"))
    .description("Show one incident: its id, or the beginning of it.")
    .argument("<id>", "id of the incident, or its beginning")
    .action(async (id: string, options: PlaceOptions) => show(id, options, io));
}

function withPlace(command: Command): Command {
  return command
    .option("--json", "all of it as one JSON object")
    .option("--prices <file>", "price list; overrides prices.file of the configuration")
    .option("-c, --config <file>", "configuration")
    .option("--state-dir <dir>", "where the ledger is")
    .option("--width <columns>", "of the terminal; 80 where there is none");
}

async function list(options: ListOptions, io: CommandIo): Promise<void> {
  const page = pageOf(options.width, io.env, MIN_WIDTH);
  const limit = limitOf(options.limit);
  await withBook(options, io, async (book) => {
    const { story, after } = options;
    const last = after === undefined ? undefined : findIncident(book, after).id;
    const found = incidentPage(book, { open: options.open, story, limit, after: last });
    io.stdout(options.json ? `${JSON.stringify(found)}\n` : listText(found, page));
  });
}

async function show(id: string, options: PlaceOptions, io: CommandIo): Promise<void> {
  const page = pageOf(options.width, io.env, MIN_WIDTH);
  await withBook(options, io, async (book) => {
    const detail = await incidentDetail(book, findIncident(book, id));
    io.stdout(options.json ? `${JSON.stringify(detail)}\n` : showText(detail, page));
  });
}

async function withBook(
  options: PlaceOptions,
  io: CommandIo,
  use: (book: IncidentBook) => Promise<void>,
): Promise<void> {
  const config = loadConfig(options.config);
  const priceFile = options.prices ?? config.prices.file;
  const prices = priceFile === undefined ? undefined : loadPrices(priceFile);
  const stateDir = options.stateDir ?? defaultStateDir(io.env, process.getuid?.() === 0);
  const ledger = await openLedger({ stateDir, mode: "read" });
  try {
    await use(await readBook(ledger, prices));
  } finally {
    await ledger.close();
  }
}

function limitOf(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= MAX_LIMIT) return value;
  throw new AssayError("cli/usage", `"${sanitize(text, 40)}" is no number of incidents`, {
    place: "--limit",
    hint: `a whole number from 1 to ${MAX_LIMIT}`,
  });
}
