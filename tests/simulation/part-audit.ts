/**
 * Owns the judgement of parts: by what the store keeps after every commit of some.
 *
 * S1 What is kept is never changed and never taken away, and offsets have no gaps.
 * S2 Of each attempt the first parts are kept, each once and in order: no hole, nothing twice.
 * S3 An attempt goes on behind the one before.
 */
import { partsIn } from '../../src/engine/part-text.ts';
import type { PartsPage } from '../../src/ports/store-parts.ts';
import type { SimWorld } from './sim-world.ts';

/** The `n`-th part of an attempt, as every run of this world makes it. */
export const simPart = (attempt: number, n: number): string => `${attempt} ${n}`;

/** More than any run of this world makes. */
const charsMax = 1_000_000;

export class PartAudit {
  readonly #world: SimWorld;
  /** By run, all that was kept. */
  readonly #kept = new Map<string, readonly string[]>();
  #epoch = 0;

  constructor(world: SimWorld) {
    this.#world = world;
  }

  /** Looks at what is kept of some runs, after a commit. */
  async look(seqs: readonly number[]): Promise<void> {
    const epoch = this.#epoch;
    const touched = new Set(seqs);
    const ids = [...this.#world.rows()].filter(({ seq }) => touched.has(seq)).map(({ id }) => id);
    const pages = await this.#world.store.parts(ids.map((id) => ({ id, from: 0, charsMax })));
    if (epoch !== this.#epoch) return;
    for (const [at, id] of ids.entries()) {
      const page = pages[at];
      if (page !== undefined && page !== null) this.#judge(id, page);
    }
  }

  /** The run was pruned. */
  forget(id: string): void {
    this.#kept.delete(id);
  }

  /** The store lost its last commits: whatever was seen may be gone. */
  rolledBack(): void {
    this.#epoch += 1;
    this.#kept.clear();
  }

  #judge(id: string, { blocks, kept }: PartsPage): void {
    const all: string[] = [];
    let attempt = 0;
    let n = 0;
    for (const block of blocks) {
      if (block.first !== all.length) this.#violation('S1', id, `has a gap at ${all.length}`);
      if (block.attempt < attempt) this.#violation('S3', id, `goes back at ${block.first}`);
      if (block.attempt !== attempt) n = 0;
      attempt = block.attempt;
      for (const part of partsIn(block.content)) {
        if (part !== simPart(attempt, n))
          this.#violation('S2', id, `has '${part}' at ${all.length}`);
        n += 1;
        all.push(String(part));
      }
    }
    const before = this.#kept.get(id) ?? [];
    const cut = blocks.length > 0 && all.length < kept;
    if (!cut && before.some((part, at) => all[at] !== part)) {
      this.#violation('S1', id, 'has lost or changed what it had');
    }
    this.#kept.set(id, all);
    if (all.length > 0) this.#world.marks.add('parts kept');
    if (attempt > 1) this.#world.marks.add('parts of a later attempt');
  }

  #violation(rule: string, id: string, what: string): void {
    this.#world.violation(`${rule} the stream of run ${id} ${what}`);
  }
}
