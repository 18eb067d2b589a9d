import type { Lists } from "./lists.ts";

/** What a release adds to a program's name: versions, systems, kinds of build. */
const ADDED =
  /^(?:v?\d[\d.]*[a-z]?|linux|linux64|win|win64|x64|x86|amd64|arm64|aarch64|64|static|notls|multi|cuda\d*|cuda|gpu|nvidia|amd|bin|beta|release|daemon)$/;
const ENDING = /\.(?:exe|bin|elf|sh|py|real|orig)$/;
const MAX_PARTS = 8;

/** The miner that a program is called like: `xmrig-6.21.0-linux-x64` is xmrig, `miner_test.py` nobody. */
export function minerName(
  name: string,
  lists: Lists,
): { name: string; isWeak: boolean } | undefined {
  const parts = name.replace(ENDING, "").split(/([-_])/, MAX_PARTS * 2);
  for (let length = parts.length; length > 0; length -= 2) {
    const short = parts.slice(0, length).join("");
    if (lists.has("minerNames", short)) return { name: short, isWeak: false };
    if (lists.has("sharedNames", short)) return { name: short, isWeak: true };
    if (!ADDED.test(parts[length - 1] ?? "")) return undefined;
  }
  return undefined;
}

/** The listed beginning of a variable's name: up to its first underscore, or all of it. */
export function variableOf(name: string, lists: Lists): string | undefined {
  const prefix = name.slice(0, name.indexOf("_") + 1);
  return [prefix, name].find((each) => lists.has("variablePrefixes", each));
}
