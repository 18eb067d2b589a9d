import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A `/sys` and a `/proc` of our own in a temporary folder, laid out as the kernel lays out its own. */

type Content = string | Uint8Array;

export interface CardTree {
  driver: string;
  slot: string;
  pciId: string;
  /** N of `cardN`; the device file for rendering is `renderD(128+N)`. */
  number: number;
  /** Beneath the PCI device. */
  files?: Record<string, Content>;
  /** Beneath `cardN`. */
  cardFiles?: Record<string, string>;
  /** Sensors: the number is N of `hwmonN`. */
  hwmon?: { number: number; name: string; files: Record<string, string> }[];
  asleep?: boolean;
}

export interface OpenFile {
  link: string;
  info?: string | undefined;
}

export interface Tree {
  root: string;
  sysRoot: string;
  procRoot: string;
  /** @returns the folder of the PCI device */
  card(card: CardTree): string;
  /** Replaces the process. @returns its folder */
  process(pid: number, fds?: Record<string, OpenFile>): string;
  exit(pid: number): void;
  /** Beneath the root: `sys/…` or `proc/…`. */
  write(path: string, content: Content): void;
  link(path: string, target: string): void;
  remove(path: string): void;
  dispose(): void;
}

export function makeTree(): Tree {
  const root = mkdtempSync(join(tmpdir(), "drm-"));
  const [sysRoot, procRoot] = [join(root, "sys"), join(root, "proc")];
  const write = (path: string, content: Content): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  };
  const remove = (path: string): void => rmSync(join(root, path), { recursive: true, force: true });
  const process = (pid: number, fds: Record<string, OpenFile> = {}): string => {
    const folder = join(procRoot, String(pid));
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(join(folder, "fd"), { recursive: true });
    mkdirSync(join(folder, "fdinfo"));
    const all: Record<string, OpenFile> = { "0": { link: "/dev/null" }, ...fds };
    for (const [fd, { link, info }] of Object.entries(all)) {
      symlinkSync(link, join(folder, "fd", fd));
      // Of other files nobody asks.
      if (info === undefined) continue;
      writeFileSync(join(folder, "fdinfo", fd), `pos:\t0\nflags:\t02100002\n${info}`);
    }
    return folder;
  };
  const tree: Tree = {
    root,
    sysRoot,
    procRoot,
    process,
    write,
    link: (path, target) => symlinkSync(target, join(root, path)),
    remove,
    card: (card) => writeCard(root, card, write),
    exit: (pid) => remove(join("proc", String(pid))),
    dispose: () => rmSync(root, { recursive: true, force: true }),
  };
  mkdirSync(join(sysRoot, "class", "drm"), { recursive: true });
  // The first process, in the first process namespace.
  const first = process(1);
  mkdirSync(join(first, "ns"));
  symlinkSync("pid:[4026531836]", join(first, "ns", "pid"));
  return tree;
}

function writeCard(root: string, card: CardTree, write: Tree["write"]): string {
  const device = join("sys", "devices", "pci0000:00", card.slot);
  const name = `card${card.number}`;
  const uevent = `DRIVER=${card.driver}\nPCI_CLASS=30000\nPCI_ID=${card.pciId}\nPCI_SLOT_NAME=${card.slot}\n`;
  write(join(device, "uevent"), uevent);
  write(join(device, "power", "runtime_status"), card.asleep ? "suspended\n" : "active\n");
  for (const node of [name, `renderD${128 + card.number}`])
    write(join(device, "drm", node, "dev"), "226:0\n");
  for (const [file, content] of Object.entries(card.files ?? {}))
    write(join(device, file), content);
  for (const [file, content] of Object.entries(card.cardFiles ?? {}))
    write(join(device, "drm", name, file), content);
  for (const sensor of card.hwmon ?? []) {
    const folder = join(device, "hwmon", `hwmon${sensor.number}`);
    for (const [file, content] of Object.entries({ name: `${sensor.name}\n`, ...sensor.files }))
      write(join(folder, file), content);
  }
  // A socket for a screen stands beside the card and looks much like one.
  for (const entry of [name, `${name}-HDMI-A-1`]) {
    const target = join(root, device, "drm", name);
    rmSync(join(root, "sys", "class", "drm", entry), { force: true });
    symlinkSync(target, join(root, "sys", "class", "drm", entry));
  }
  rmSync(join(root, device, "drm", name, "device"), { force: true });
  symlinkSync(join(root, device), join(root, device, "drm", name, "device"));
  return join(root, device);
}

/** The table `gpu_metrics`, filled with ones as the driver does. */
export function metricsTable(
  revision: number,
  bytes: number,
  energyAt: number,
  steps: bigint,
): Uint8Array {
  const table = new Uint8Array(bytes).fill(0xff);
  const view = new DataView(table.buffer);
  view.setUint16(0, bytes, true);
  view.setUint8(2, 1);
  view.setUint8(3, revision);
  view.setBigUint64(energyAt, steps, true);
  return table;
}
