/**
 * Owns who answers for which name: a name has one target, or one for each of some prefixes of its
 * first word.
 *
 * R1 No prefix of a name begins another one of the same name: at most one ever fits.
 * R2 A name with prefixes has no target of its own that could be reached.
 * R3 A target is looked up once, when a call is admitted: whatever changes afterwards, the call
 *    goes where it was sent.
 */

/** What is found under a name. */
export type Found<Target> =
  | { readonly ok: true; readonly target: Target; readonly prefix: string | null }
  /** `name`: nobody has it. `route`: its prefixes fit none of what was asked for. */
  | { readonly ok: false; readonly missing: 'name' | 'route' };

interface Entry<Target> {
  direct: Target | null;
  readonly byPrefix: Map<string, Target>;
  /** Lengths of its prefixes: looking up takes as many steps. */
  lengths: readonly number[];
}

const noName = { ok: false, missing: 'name' } as const;
const noRoute = { ok: false, missing: 'route' } as const;

/** Targets by name. */
export class Routes<Target> {
  readonly #byName = new Map<string, Entry<Target>>();

  /** Sets the target of a name; a later one takes the place of the one before. */
  set(name: string, target: Target): void {
    this.#entry(name).direct = target;
  }

  /** Sets the target of a prefix. False: it overlaps with another one; nothing is changed. */
  setPrefix(name: string, prefix: string, target: Target): boolean {
    const entry = this.#byName.get(name);
    for (const other of entry?.byPrefix.keys() ?? []) {
      if (other !== prefix && (other.startsWith(prefix) || prefix.startsWith(other))) return false;
    }
    const { byPrefix } = this.#entry(name);
    byPrefix.set(prefix, target);
    this.#measure(name);
    return true;
  }

  /** The target of a name, or of one of its prefixes; null: there is none. */
  at(name: string, prefix: string | null): Target | null {
    const entry = this.#byName.get(name);
    if (entry === undefined) return null;
    return prefix === null ? entry.direct : (entry.byPrefix.get(prefix) ?? null);
  }

  /** All targets, also those that cannot be reached (R2). */
  targets(): readonly Target[] {
    return [...this.#byName.values()].flatMap(({ direct, byPrefix }) => [
      ...(direct === null ? [] : [direct]),
      ...byPrefix.values(),
    ]);
  }

  /** Takes a name away with all its prefixes; false: nobody had it. */
  remove(name: string): boolean {
    return this.#byName.delete(name);
  }

  /** Takes a prefix away, and the name with its last one; false: there was none. */
  removePrefix(name: string, prefix: string): boolean {
    const entry = this.#byName.get(name);
    if (entry === undefined || !entry.byPrefix.delete(prefix)) return false;
    if (entry.byPrefix.size === 0 && entry.direct === null) this.#byName.delete(name);
    else this.#measure(name);
    return true;
  }

  /** Who answers for a name, asked for with a first word. */
  find(name: string, word: string | undefined): Found<Target> {
    const entry = this.#byName.get(name);
    if (entry === undefined) return noName;
    if (entry.byPrefix.size === 0) {
      return entry.direct === null ? noName : { ok: true, target: entry.direct, prefix: null };
    }
    if (word === undefined) return noRoute;
    for (const length of entry.lengths) {
      if (length > word.length) continue;
      const prefix = word.slice(0, length);
      const target = entry.byPrefix.get(prefix);
      if (target !== undefined) return { ok: true, target, prefix };
    }
    return noRoute;
  }

  /** Names, each with its prefixes. */
  names(): readonly (readonly [name: string, prefixes: readonly string[]])[] {
    return [...this.#byName].map(([name, { byPrefix }]) => [name, [...byPrefix.keys()]]);
  }

  #entry(name: string): Entry<Target> {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const made: Entry<Target> = { direct: null, byPrefix: new Map(), lengths: [] };
    this.#byName.set(name, made);
    return made;
  }

  #measure(name: string): void {
    const entry = this.#byName.get(name);
    if (entry === undefined) return;
    entry.lengths = [...new Set([...entry.byPrefix.keys()].map((prefix) => prefix.length))];
  }
}
