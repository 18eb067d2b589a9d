import { type IncidentDetail, incidentDetail } from "../alert/view/detail.ts";
import { type IncidentPage, incidentPage } from "../alert/view/list.ts";
import { findIncident, readBook } from "../alert/view/read.ts";
import { incidentsQuery, noQuery, parseQuery } from "./query.ts";
import type { ServerSettings } from "./settings.ts";

/** @throws AssayError request/invalid; incident/not-found where `after` is none */
export async function incidentList(
  { ledger, prices }: ServerSettings,
  raw: unknown,
): Promise<IncidentPage> {
  const query = parseQuery(incidentsQuery, raw);
  const book = await readBook(ledger, prices());
  const after = query.after === undefined ? undefined : findIncident(book, query.after).id;
  return incidentPage(book, { ...query, after });
}

/** @throws AssayError request/invalid, incident/not-found, incident/ambiguous */
export async function incidentView(
  { ledger, prices }: ServerSettings,
  id: string,
  raw: unknown,
): Promise<IncidentDetail> {
  parseQuery(noQuery, raw);
  const book = await readBook(ledger, prices());
  return incidentDetail(book, findIncident(book, id));
}
