import type { GapObservation } from "../../model/observation.ts";
import type { GpuInfo } from "../../model/sample.ts";
import { isAsleep, listCards, type Card } from "./cards.ts";
import { DrmDevice } from "./device.ts";
import { DrmSlot } from "./slot.ts";

/** Cards that come and go are noticed within this. */
const RELIST_MS = 10_000;

/**
 * The cards of the node, numbered by their PCI addresses. A number stays with its card while the
 * collector is open: one that comes later gets the next, and one that returns its old one.
 */
export class DrmSlots {
  readonly #sysRoot: string;
  #slots: DrmSlot[] = [];
  readonly #numbers = new Map<string, number>();
  #listedAtMs: number;

  constructor(sysRoot: string, cards: readonly Card[], nowMs: number) {
    this.#sysRoot = sysRoot;
    this.#listedAtMs = nowMs;
    this.#place(cards);
  }

  get all(): readonly DrmSlot[] {
    return this.#slots;
  }

  get cards(): Card[] {
    return this.#slots.map(({ device }) => device.card);
  }

  infos(): GpuInfo[] {
    return this.#slots.map(({ device, index }) => device.info(index));
  }

  /**
   * Looks for cards again when it is time, and for what they offer.
   * @param nowMs monotonic
   * @returns the last gaps of cards that were lost and have left
   */
  relist(atMs: number, nowMs: number): GapObservation[] {
    if (nowMs - this.#listedAtMs < RELIST_MS) return [];
    this.#listedAtMs = nowMs;
    for (const { device } of this.#slots) if (!isAsleep(device.card)) device.survey();
    const before = this.#slots;
    this.#place(listCards(this.#sysRoot));
    return before.filter((slot) => !this.#slots.includes(slot)).flatMap((slot) => slot.leave(atMs));
  }

  #place(cards: readonly Card[]): void {
    const slots = cards.map((card) => {
      const known = this.#slots.find(({ device }) => isSame(device.card, card));
      return known ?? new DrmSlot(this.#numberOf(card.uuid), new DrmDevice(card));
    });
    this.#slots = slots.sort((a, b) => a.index - b.index);
  }

  #numberOf(uuid: string): number {
    const number = this.#numbers.get(uuid) ?? this.#numbers.size;
    this.#numbers.set(uuid, number);
    return number;
  }
}

/** The same card at the same paths: after its driver was loaded anew it may stand under others. */
function isSame(a: Card, b: Card): boolean {
  return a.uuid === b.uuid && a.cardPath === b.cardPath && a.driver === b.driver;
}
