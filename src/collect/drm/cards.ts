import { join } from "node:path";
import { sanitize } from "../../model/text.ts";
import { readBounded } from "../files.ts";
import { namesLike, readText } from "./files.ts";
import {
  parseCount,
  parseDebugClients,
  parseUevent,
  parseUniqueId,
  type DrmDriver,
} from "./parse.ts";

/** A card as sysfs names it. Nothing here is asked of the device itself, so a sleeping one sleeps on. */
export interface Card {
  driver: DrmDriver;
  slot: string;
  uuid: string;
  model: string;
  driverVersion: string | undefined;
  /** Its folder in `/sys/class/drm`, and the device's beneath it. */
  cardPath: string;
  devicePath: string;
  /** The names of its files in `/dev/dri`. */
  nodes: readonly string[];
}

const MAX_CLIENTS_BYTES = 64 * 1024;
const VENDORS: Readonly<Record<DrmDriver, string>> = { amdgpu: "AMD", i915: "Intel", xe: "Intel" };

/** The cards of the three drivers, by PCI address. `card0-DP-1` and the like are sockets for screens. */
export function listCards(sysRoot: string): Card[] {
  const root = join(sysRoot, "class", "drm");
  const cards = namesLike(root, /^card\d+$/).flatMap((name) => {
    const card = readCard(sysRoot, join(root, name));
    return card ? [card] : [];
  });
  return withoutSharedIds(cards.sort((a, b) => compareSlots(a.slot, b.slot)));
}

/** By number: the part before the first colon may be longer on some machines. */
function compareSlots(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : Number(a > b));
}

function readCard(sysRoot: string, cardPath: string): Card | undefined {
  const devicePath = join(cardPath, "device");
  const uevent = parseUevent(readText(join(devicePath, "uevent")) ?? "");
  if (!uevent) return undefined;
  const { driver, slot, vendorDevice } = uevent;
  const vendor = VENDORS[driver];
  const version = readText(join(sysRoot, "module", driver, "version"))?.trim();
  const product = readText(join(devicePath, "product_name"))?.trim();
  const id =
    vendor === "AMD" ? parseUniqueId(readText(join(devicePath, "unique_id")) ?? "") : undefined;
  return {
    driver,
    slot,
    uuid: id === undefined ? placeId(vendorDevice, slot) : `AMD-${id}`,
    model: sanitize(product ? product : `${vendor} GPU ${vendorDevice}`, 128),
    driverVersion: version ? sanitize(version, 64) : undefined,
    cardPath,
    devicePath,
    nodes: namesLike(join(devicePath, "drm"), /^(?:card|renderD)\d+$/),
  };
}

/** Stable for a card in its place: the same model put there later cannot be told from it. */
function placeId(vendorDevice: string, slot: string): string {
  return `PCI-${vendorDevice}-${slot}`;
}

/** An id that two cards share names neither: both go by their place. */
function withoutSharedIds(cards: readonly Card[]): Card[] {
  const seen = new Map<string, number>();
  for (const { uuid } of cards) seen.set(uuid, (seen.get(uuid) ?? 0) + 1);
  return cards.map((card) =>
    seen.get(card.uuid) === 1 ? card : { ...card, uuid: `${card.uuid}-${card.slot}` },
  );
}

/** Whether the card is powered down. Asking for it wakes nothing, reading most other files does. */
export function isAsleep(card: Card): boolean {
  // Documentation/ABI/testing/sysfs-devices-power; absent or `unsupported` without power management.
  return readText(join(card.devicePath, "power", "runtime_status"))?.trim() === "suspended";
}

export function isThere(card: Card): boolean {
  return parseUevent(readText(join(card.devicePath, "uevent")) ?? "")?.slot === card.slot;
}

/**
 * How many hold the driver: files of its devices that are open, and a few things beside them. Undefined
 * where it is no module.
 */
export function driverUsers(sysRoot: string, driver: DrmDriver): number | undefined {
  return parseCount(readText(join(sysRoot, "module", driver, "refcnt")) ?? "");
}

/**
 * Processes that the kernel names as users of the cards, in `/sys/kernel/debug/dri/N/clients`: for
 * root only, and where debugfs is mounted. They say whom to look at first, never who is
 * there.
 */
export function likelyHolders(sysRoot: string, cards: readonly Card[]): number[] | undefined {
  const texts = cards.map(({ cardPath }) => {
    const minor = /\d+$/.exec(cardPath)?.[0] ?? "";
    return readBounded(
      join(sysRoot, "kernel", "debug", "dri", minor, "clients"),
      MAX_CLIENTS_BYTES,
    );
  });
  if (texts.includes(undefined)) return undefined;
  return [...new Set(texts.flatMap((text) => parseDebugClients(text ?? "")))];
}
