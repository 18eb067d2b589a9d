import { changedAtMs, readBounded } from "../files.ts";
import { parsePasswd } from "./parse.ts";

const MAX_PASSWD_BYTES = 4 * 1024 ** 2;

/** User names of a passwd file, read again when it changes. */
export class UserNames {
  readonly #path: string;
  #names = new Map<number, string>();
  #changedAtMs: number | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** The name of a user, or `uid:1000` where the file does not know it. */
  nameOf(uid: number): string {
    const changed = changedAtMs(this.#path);
    if (changed !== this.#changedAtMs) {
      this.#changedAtMs = changed;
      this.#names = parsePasswd(readBounded(this.#path, MAX_PASSWD_BYTES) ?? "");
    }
    return this.#names.get(uid) ?? `uid:${uid}`;
  }
}
