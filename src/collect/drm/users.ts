import { driverUsers, likelyHolders, type Card } from "./cards.ts";
import { HolderScan, type HolderDeps } from "./holders.ts";
import type { DeviceNames } from "./inspect.ts";
import { KfdReader, type KfdProcesses } from "./kfd.ts";
import { DRM_DRIVERS, type DrmDriver } from "./parse.ts";
import type { RatedClient } from "./processes.ts";
import { RateTracker } from "./rates.ts";

/** What looking for processes may take: of a tick, of one after a card was opened, and at the beginning. */
const SLICE_MS = 2;
const HURRIED_SLICE_MS = 4;
const FIRST_LOOK_MS = 1000;
/**
 * For so long a process that opened a card is looked for before the lists are believed without it. The
 * count of a driver's users rises for other reasons, too; those must not withhold the lists for good.
 */
const UNEXPLAINED_MS = 15_000;
/** AMD's compute driver is asked no more often than this, however short the ticks. */
const KFD_MS = 1000;
const KFD_RELIST_MS = 60_000;

/** Who uses the cards of the node, as of one tick. */
export interface NodeUsers {
  clients: readonly RatedClient[];
  kfd: KfdProcesses | undefined;
  /** All processes that hold a card could be looked into, as far as is known. */
  isComplete: boolean;
  /** And no card was opened since they were. */
  isFresh: boolean;
}

export class UserWatch {
  readonly #sysRoot: string;
  readonly #deps: HolderDeps;
  readonly #scan: HolderScan;
  readonly #rates = new RateTracker();
  readonly #kfd: KfdReader;
  #kfdProcesses: KfdProcesses | undefined;
  #kfdAtMs = Number.NEGATIVE_INFINITY;
  #kfdListedAtMs = Number.NEGATIVE_INFINITY;
  #openings = new Map<DrmDriver, number | undefined>();
  /** When a card was opened by somebody who is not found yet. */
  #unexplainedSinceMs: number | undefined;
  #isNamed = false;

  constructor(sysRoot: string, procRoot: string, deps: HolderDeps) {
    this.#sysRoot = sysRoot;
    this.#deps = deps;
    this.#scan = new HolderScan(procRoot, deps);
    this.#kfd = new KfdReader(sysRoot);
  }

  /** Why processes are not listed; undefined where they are. */
  get obstacle(): string | undefined {
    return this.#scan.obstacle;
  }

  /** The first look through all processes: it may take longer than the later ones. */
  begin(cards: readonly Card[], asleep: ReadonlySet<Card>): void {
    this.#noticeOpenings(cards);
    this.#scan.advance(FIRST_LOOK_MS, namesOf(cards, asleep));
  }

  read(cards: readonly Card[], asleep: ReadonlySet<Card>): NodeUsers {
    const names = namesOf(cards, asleep);
    if (cards.some(({ driver }) => driver === "amdgpu")) this.#readKfd();
    this.#noticeOpenings(cards);
    this.#scan.advance(this.#scan.isFresh ? SLICE_MS : HURRIED_SLICE_MS, names);
    const nowMs = this.#deps.monotonicMs();
    const kfdTells = this.#kfdProcesses !== undefined;
    const clients = this.#scan.read(names, kfdTells).map((held): RatedClient => {
      const { key, slot } = held.client;
      if (!held.isOld) return { ...held, rates: this.#rates.update(held.client, nowMs) };
      if (names.asleepSlots.has(slot)) this.#rates.skip(key, nowMs);
      return { ...held, rates: { shares: new Map(), pending: false } };
    });
    this.#rates.keepOnly(new Set(clients.map(({ client }) => client.key)));
    const isExplained = this.#scan.isFresh || (this.#isNamed && this.#scan.isAnswered);
    if (isExplained) this.#unexplainedSinceMs = undefined;
    const sinceMs = this.#unexplainedSinceMs ?? Number.NEGATIVE_INFINITY;
    const isComplete = this.#scan.isComplete && nowMs - sinceMs >= UNEXPLAINED_MS;
    return { clients, kfd: this.#kfdProcesses, isComplete, isFresh: isExplained };
  }

  /** The count of a driver's users changes when a card is opened or closed: then who has is looked for. */
  #noticeOpenings(cards: readonly Card[]): void {
    const before = this.#openings;
    const drivers = DRM_DRIVERS.filter((driver) => cards.some((card) => card.driver === driver));
    this.#openings = new Map(drivers.map((driver) => [driver, driverUsers(this.#sysRoot, driver)]));
    const changes = drivers.map((driver) => {
      const [then, now] = [before.get(driver), this.#openings.get(driver)];
      return then === undefined || now === undefined ? 0 : now - then;
    });
    if (changes.every((change) => change === 0)) return;
    const likely = likelyHolders(this.#sysRoot, cards);
    this.#isNamed = likely !== undefined;
    this.#scan.hurry(likely);
    if (changes.some((change) => change > 0)) this.#unexplainedSinceMs ??= this.#deps.monotonicMs();
  }

  #readKfd(): void {
    const nowMs = this.#deps.monotonicMs();
    if (nowMs - this.#kfdListedAtMs >= KFD_RELIST_MS) {
      this.#kfdListedAtMs = nowMs;
      this.#kfd.relist();
    }
    if (nowMs - this.#kfdAtMs < KFD_MS) return;
    this.#kfdAtMs = nowMs;
    this.#kfdProcesses = this.#kfd.read(nowMs);
    this.#scan.suggest([...(this.#kfdProcesses?.keys() ?? [])]);
  }
}

function namesOf(cards: readonly Card[], asleep: ReadonlySet<Card>): DeviceNames {
  const sleepers = [...asleep];
  // xe alone powers the card up to tell its counters (xe_drm_client.c).
  const waking = sleepers.filter(({ driver }) => driver === "xe");
  return {
    nodes: new Set(cards.flatMap(({ nodes }) => nodes)),
    asleepSlots: new Set(sleepers.map(({ slot }) => slot)),
    asleepNodes: new Set(waking.flatMap(({ nodes }) => nodes)),
  };
}
