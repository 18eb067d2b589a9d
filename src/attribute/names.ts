import type { Evidence } from "../model/evidence.ts";
import { renamer, type Rename } from "../model/names.ts";
import { type Owner, type OwnerFacts, type OwnerIdentity } from "../model/owner.ts";
import { withPerson } from "../model/owner-person.ts";
import type { ProcessSighting } from "../model/sample.ts";
import { setNewest } from "../model/recent.ts";
import { sanitize } from "../model/text.ts";

/** What a user is called in records and messages; some keep their name. */
export type NameOf = (name: string) => string;

/** Names that are looked for in texts: those who were seen last. */
const MAX_NAMES = 4096;
const FIRST_PERSON_UID = 1000;
const NOBODY_UID = 65_534;
/** A user's number where a control group, a directory or a sentence of ours shows it. */
const NUMBERED = /(\buser[-@]|\buid[ :=]|\/run\/user\/)(\d{1,10})\b/g;

/** A home directory names its user, whether or not he was seen. */
const HOME = /(\/home\/)([\w.-]{1,64})/g;

/**
 * Pseudonyms of users, in whatever is told of them. Rules are asked with the names as they are; what
 * leaves the attribution has them replaced: as whole fields where a field is a name, and as words in
 * texts that may quote a path or a command, of everybody who was seen so far.
 */
export class Names {
  private readonly nameOf: NameOf | undefined;
  private readonly known = new Map<string, string>();
  private readonly byUid = new Map<number, string>();
  private rename: Rename | undefined;

  /** @param nameOf pseudonyms; without it everybody keeps his name */
  constructor(nameOf?: NameOf) {
    this.nameOf = nameOf;
  }

  get isPlain(): boolean {
    return this.nameOf === undefined;
  }

  /** Everybody a process names. */
  learn({ user, uid, loginUser, lineage, environ }: ProcessSighting): void {
    if (this.isPlain) return;
    this.learnName(user);
    this.learnName(loginUser);
    this.learnName(environ?.SLURM_JOB_USER);
    for (const above of lineage ?? []) this.learnName(above.user);
    if (uid !== undefined && user) setNewest(this.byUid, uid, user, MAX_NAMES);
  }

  learnName(name: string | undefined): void {
    if (!this.nameOf || !name || this.known.has(name)) return;
    const other = this.nameOf(name);
    if (other === name) return;
    setNewest(this.known, name, other, MAX_NAMES);
    this.rename = undefined;
  }

  name(name: string): string {
    return this.nameOf?.(name) ?? name;
  }

  text(text: string): string {
    const { nameOf } = this;
    if (!nameOf) return text;
    this.rename ??= renamer(
      new Map(
        [...this.known].flatMap(([name, other]) => [
          [name, other],
          [sanitize(name), other],
        ]),
      ),
    );
    const atHome = text.replace(
      HOME,
      (_, before: string, name: string) => `${before}${nameOf(name)}`,
    );
    return this.rename(atHome).replace(NUMBERED, (whole, before: string, digits: string) => {
      const uid = Number(digits);
      if (uid < FIRST_PERSON_UID || uid === NOBODY_UID) return whole;
      return `${before}${nameOf(this.byUid.get(uid) ?? `uid:${uid}`)}`;
    });
  }

  /**
   * @param isOwnRules whether a rule of the operator's made the owner's id: it may have put the name anywhere
   */
  identity(identity: OwnerIdentity, isOwnRules: boolean): OwnerIdentity {
    if (this.isPlain) return identity;
    const { owner, proven, declared, reason, conflicts } = identity;
    const people = [proven.user, proven.loginUser, declared.user].flatMap((name) => name ?? []);
    for (const name of people) this.learnName(name);
    return {
      ...identity,
      owner: this.owner(owner, people, isOwnRules),
      reason: this.text(reason),
      proven: this.facts(proven),
      declared: this.facts(declared),
      conflicts: conflicts.map((each) => this.text(each)),
    };
  }

  /** What is told of a process, but for its environment and control group, which nobody keeps. */
  process(process: ProcessSighting): ProcessSighting {
    if (this.isPlain) return process;
    const { user, loginUser, comm, exe, argv, lineage } = process;
    return {
      ...process,
      user: user && this.name(user),
      loginUser: loginUser && this.name(loginUser),
      comm: comm && this.text(comm),
      exe: exe && this.text(exe),
      argv: argv?.map((each) => this.text(each)),
      lineage: lineage?.map((each) => ({
        ...each,
        user: each.user && this.name(each.user),
        comm: each.comm && this.text(each.comm),
        exe: each.exe && this.text(each.exe),
        title: each.title && this.text(each.title),
      })),
    };
  }

  evidence(evidence: readonly Evidence[]): readonly Evidence[] {
    if (this.isPlain) return evidence;
    return evidence.map((each) => ({
      ...each,
      text: this.text(each.text),
      ...(typeof each.value === "string" && { value: this.text(each.value) }),
    }));
  }

  private owner(owner: Owner, people: readonly string[], isOwnRules: boolean): Owner {
    // A rule may also call somebody by a name that no account has.
    if (owner.kind === "user") return { kind: "user", id: this.name(owner.id) };
    if (isOwnRules) {
      const words = new Map(people.map((name) => [sanitize(name), this.name(name)]));
      return { kind: owner.kind, id: renamer(words)(owner.id) };
    }
    return people.reduce((own, name) => withPerson(own, name, this.name(name)), owner);
  }

  private facts(facts: OwnerFacts): OwnerFacts {
    const shown = Object.entries(facts).map(([fact, value]) => {
      if (value === undefined) return [fact, value];
      const isName = fact === "user" || fact === "loginUser";
      return [fact, isName ? this.name(value) : this.text(value)];
    });
    return Object.fromEntries(shown);
  }
}
