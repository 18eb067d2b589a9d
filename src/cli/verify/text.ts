import type { Problem } from "../../ledger/chain/tampered.ts";
import type { Verified } from "../../ledger/chain/verify.ts";

const LABEL_WIDTH = 12;

/** What was checked, and `ok` where nothing was found. */
export function verifiedText(result: Verified): string {
  const { records, entries, fromMs, toMs, head, problem } = result;
  const counted = Object.entries(records).filter(([, count]) => count > 0);
  const total = counted.reduce((sum, [, count]) => sum + count, 0);
  const facts: (readonly [string, string])[] = [
    ["records", `${total} (${counted.map(([name, count]) => `${name} ${count}`).join(", ")})`],
    [
      "chain",
      `${entries} entries${fromMs === undefined ? "" : `, ${span(fromMs, toMs ?? fromMs)}`}`,
    ],
    ["head", head ? `entry ${head.sequence}, ${head.hash}` : "none"],
    ...checkpointFacts(result),
    ["signatures", signatureText(result)],
    ...result.keys.map(
      ({ keyId, firstEntry, lastEntry, signatures }) =>
        ["key", `${keyId}, ${signatures} of entries ${firstEntry} to ${lastEntry}`] as const,
    ),
    ["anchors", anchorText(result)],
    ...result.notes.map((note) => ["note", note] as const),
  ];
  const lines = facts.map(([label, text]) => `${label.padEnd(LABEL_WIDTH)}${text}`);
  const [before, after] = problem
    ? [["checked up to the first bad record:"], []]
    : [[], ["", "ok"]];
  return `${[...before, ...lines, ...after].join("\n")}\n`;
}

/** `slices 17, in entry 5 of 2026-03-01T10:00:10.000Z: …`. */
export function problemText({ table, row, entry, atMs, what }: Problem): string {
  const where = row === undefined ? table : `${table} ${row}`;
  const isEntry = table === "chain";
  const inEntry = entry === undefined || isEntry ? "" : `, in entry ${entry} of the chain`;
  const when = atMs === undefined ? "" : `, written ${isoTime(atMs)}`;
  return `${where}${inEntry}${when}: ${what}`;
}

function checkpointFacts({ checkpoint }: Verified): (readonly [string, string])[] {
  if (!checkpoint) return [];
  const { chainSequence, beforeMs, id } = checkpoint;
  const text = `entries up to ${chainSequence} were removed with what ended before ${isoTime(beforeMs)}`;
  return [["checkpoint", `${text} (act ${id}); what was kept is as it was`]];
}

function signatureText({ signatures, unsigned, head }: Verified): string {
  if (signatures === 0) return "none: nothing vouches for who wrote this";
  if (unsigned === 0) return `${signatures}, up to the head`;
  const tail = unsigned === 1 ? "the last entry is" : `the last ${unsigned} entries are`;
  return `${signatures}, up to entry ${(head?.sequence ?? 0) - unsigned}; ${tail} not signed yet`;
}

function anchorText({ anchors, head }: Verified): string {
  if (!anchors) return "none given: whoever has the node's key could have written all of this anew";
  const { checked, notCheckable, lastSequence } = anchors;
  const removed = notCheckable > 0 ? `; ${notCheckable} of removed entries cannot be checked` : "";
  const after = (head?.sequence ?? 0) - lastSequence;
  const rest =
    after > 0
      ? `; whoever has the node's key could have written the ${after} entries after it`
      : "";
  return `${checked} in the chain, the last of entry ${lastSequence}${removed}${rest}`;
}

function span(fromMs: number, toMs: number): string {
  return `${isoTime(fromMs)} to ${isoTime(toMs)}`;
}

/** A changed time may be none. */
function isoTime(ms: number): string {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? `at ${ms} ms` : time.toISOString();
}
