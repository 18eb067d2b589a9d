/** What a scan saw, and what it could not. */
export interface HostCounts {
  processes: number;
  /** Listed, but left for the next scan. */
  unread: number;
  /** All processes of the host show at all. */
  seesAll: boolean;
  /** All were looked through for device files, once at least. */
  isSearched: boolean;
  /** Whose open files may not be looked at. */
  denied: number;
  holders: number;
  told: number;
  /** Members of trees beyond what one scan tells. */
  untold: number;
  /** Ended while they were read. */
  gone: number;
  /** Members whose open files may not be looked at. */
  deniedMembers: number;
  /** Members with more open files than were looked through. */
  cutMembers: number;
  sockets: { told: number; untold: number; unread: number; way: string | undefined } | undefined;
}

/** Pure: a line for people, what is missing at its end. */
export function detailOf(counts: HostCounts): string {
  const { processes, holders, told, sockets } = counts;
  const seen = [
    `${processes} processes, ${holders} hold a GPU, ${told} more in their trees`,
    sockets && `${sockets.told} sockets${sockets.way === undefined ? "" : ` by ${sockets.way}`}`,
  ].filter((part) => part !== undefined);
  const missing = missingOf(counts);
  return `${seen.join(", ")}${missing.length > 0 ? `; ${missing.join("; ")}` : ""}`;
}

/** What could not be seen, in words; empty where all was. */
function missingOf(counts: HostCounts): string[] {
  const { unread, untold, gone, deniedMembers, cutMembers, denied, sockets } = counts;
  const some = (count: number, text: string): string[] => (count > 0 ? [`${count} ${text}`] : []);
  return [
    ...(counts.seesAll ? [] : ["not all processes of the host are visible"]),
    ...(counts.isSearched ? [] : ["still looking for holders that no driver names"]),
    ...some(unread, "processes left for the next scan"),
    ...some(denied, "processes whose open files cannot be looked at"),
    ...some(deniedMembers, "of the trees among them"),
    ...some(cutMembers, "processes with too many open files to look through"),
    ...some(untold, "processes of the trees too many to tell"),
    ...some(gone, "ended while they were read"),
    ...some(sockets?.untold ?? 0, "sockets too many to tell"),
    ...some(sockets?.unread ?? 0, "network namespaces that cannot be looked into"),
  ];
}
