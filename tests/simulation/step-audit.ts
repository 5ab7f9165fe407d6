/**
 * Owns the judgement of steps: by what the store keeps after every commit, and by what the code of
 * runs says that it does and is given.
 *
 * K1 The end of a step never changes, and ends are numbered without a gap.
 * K2 What has ended is not done again by the owner of its run.
 * K3 Every attempt of a run is given the same in the same order.
 * K4 A run is gone on with by the version whose code kept its first steps.
 */
import type { StepPage } from '../../src/ports/store-steps.ts';
import type { Execution } from './ledger.ts';
import type { SimWorld } from './sim-world.ts';

const tokensKept = 20;

export class StepAudit {
  readonly #world: SimWorld;
  /** By run and key. */
  readonly #ends = new Map<string, Map<string, string>>();
  /** By run, what its code was given. */
  readonly #given = new Map<string, string[]>();
  /** How far each execution has got. */
  #places = new WeakMap<Execution, number>();
  readonly #tokens: string[] = [];
  #epoch = 0;

  constructor(world: SimWorld) {
    this.#world = world;
  }

  /** Tokens of late. */
  get tokens(): readonly string[] {
    return this.#tokens;
  }

  asked(token: string): void {
    this.#tokens.push(token);
    if (this.#tokens.length > tokensKept) this.#tokens.shift();
  }

  /** The code of an attempt begins. */
  begins(execution: Execution): void {
    this.#places.set(execution, 0);
  }

  /** The code of an attempt is that of a version. */
  executes({ runId, fence }: Pick<Execution, 'runId' | 'fence'>, version: string): void {
    const row = this.#world.rowOf(runId);
    if (row?.fence !== fence || row.pin === null) return;
    this.#world.marks.add('gone on by its version');
    if (row.pin === version) return;
    this.#world.violation(`K4 run ${runId} is pinned to ${row.pin} and executed by ${version}`);
  }

  /** The code of a step begins. */
  does({ runId, fence }: Execution, key: string): void {
    this.#world.marks.add('step done');
    const row = this.#world.rowOf(runId);
    if (row?.fence !== fence || row.stage !== 'running') return;
    if (!this.#ends.get(runId)?.has(key)) return;
    this.#world.violation(`K2 run ${runId} does '${key}' again, which has ended`);
  }

  /** The code of a run is given something. */
  given(execution: Execution, what: string): void {
    const { runId } = execution;
    const at = this.#places.get(execution);
    // It began before commits were lost, and goes on in a past that is gone.
    if (at === undefined) return;
    this.#places.set(execution, at + 1);
    const list = this.#given.get(runId) ?? [];
    this.#given.set(runId, list);
    const before = list[at];
    if (before === undefined) list[at] = what;
    else {
      this.#world.marks.add('given again');
      if (before === what) return;
      this.#world.violation(`K3 run ${runId} was given '${before}' at ${at}, and now '${what}'`);
    }
  }

  /** Looks at what is kept, after a commit. */
  async look(): Promise<void> {
    const epoch = this.#epoch;
    for (const { id, fn, stage } of [...this.#world.rows()]) {
      if (fn !== 'durable' || stage === 'done') continue;
      const page = await this.#world.store.steps(id, 0, 1_000);
      if (epoch !== this.#epoch) return;
      if (page === null) continue;
      this.#compare(id, page);
      this.#world.signals.judge(id, page);
    }
  }

  #compare(id: string, { steps }: StepPage): void {
    const known = this.#ends.get(id) ?? new Map<string, string>();
    this.#ends.set(id, known);
    const numbers: number[] = [];
    for (const { key, end } of steps) {
      const text = end === null ? undefined : JSON.stringify(end);
      const before = known.get(key);
      if (before !== undefined && before !== text) {
        this.#world.violation(`K1 the end of '${key}' of run ${id} was ${before} and is ${text}`);
      }
      if (text !== undefined) known.set(key, text);
      if (end !== null) numbers.push(end.nth);
    }
    if (numbers.some((nth) => nth > numbers.length) || new Set(numbers).size < numbers.length) {
      this.#world.violation(`K1 the ends of run ${id} are numbered ${numbers.join(' ')}`);
    }
  }

  /** The run was pruned. */
  forget(id: string): void {
    this.#ends.delete(id);
    this.#given.delete(id);
  }

  /** The store lost its last commits: whatever was seen may be gone. */
  rolledBack(): void {
    this.#epoch += 1;
    this.#ends.clear();
    this.#given.clear();
    this.#places = new WeakMap();
  }
}
