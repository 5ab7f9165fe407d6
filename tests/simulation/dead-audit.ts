/**
 * Owns the judgement of dead letters: the list is kept here once more, from the committed rows.
 *
 * D3 At the end the store lists what ended badly and nobody has dealt with, and nothing else.
 * D4 A dead letter is redriven once, whoever asks.
 */
import type {
  DiscardItem,
  DiscardVerdict,
  RedriveItem,
  RedriveVerdict,
} from '../../src/ports/store-flow.ts';
import type { RunRow } from '../../src/store/verbs/tables.ts';
import type { RowChange } from './row-audit.ts';
import type { SimWorld } from './sim-world.ts';

const pageRows = 50;

const endedBadly = ({ stage, outcome }: RunRow): boolean =>
  stage === 'done' && (outcome === 'failed' || outcome === 'timed-out' || outcome === 'lost');

export class DeadAudit {
  readonly #world: SimWorld;
  #dead = new Set<string>();
  /** The run that a dead letter was redriven as. */
  readonly #redriven = new Map<string, string>();

  constructor(world: SimWorld) {
    this.#world = world;
  }

  /** Dead letters, for whoever deals with them. */
  get ids(): readonly string[] {
    return [...this.#dead];
  }

  committed(changes: readonly RowChange[]): void {
    for (const { before, after } of changes) {
      if (after === undefined) continue;
      if (endedBadly(after) && before?.stage !== 'done') this.#dead.add(after.id);
      if (before === undefined && after.retryOf !== null) this.#dead.delete(after.retryOf);
    }
  }

  redriven(items: readonly RedriveItem[], verdicts: readonly RedriveVerdict[]): void {
    for (const [at, { id }] of items.entries()) {
      const verdict = verdicts[at];
      if (verdict?.ok !== true || !verdict.created) continue;
      this.#world.marks.add('redriven');
      const before = this.#redriven.get(id);
      this.#redriven.set(id, verdict.id);
      if (before === undefined || before === verdict.id) continue;
      this.#world.violation(`D4 run ${id} was redriven as ${before}, and again as ${verdict.id}`);
    }
  }

  discarded(items: readonly DiscardItem[], verdicts: readonly DiscardVerdict[]): void {
    for (const [at, { id }] of items.entries()) {
      if (verdicts[at]?.ok !== true) continue;
      this.#world.marks.add('discarded');
      this.#dead.delete(id);
    }
  }

  /** The run was pruned. */
  forget(id: string): void {
    this.#dead.delete(id);
    this.#redriven.delete(id);
  }

  /** The store lost its last commits: what it lists now is where this begins anew. */
  async rolledBack(): Promise<void> {
    this.#redriven.clear();
    this.#dead = new Set(await this.#listed());
  }

  /** D3, once nothing moves any more. */
  async judgeEnd(): Promise<void> {
    const listed = new Set(await this.#listed());
    for (const id of listed) {
      if (!this.#dead.has(id)) this.#world.violation(`D3 run ${id} is listed as a dead letter`);
    }
    for (const id of this.#dead) {
      if (!listed.has(id)) this.#world.violation(`D3 run ${id} is no dead letter of the store`);
    }
  }

  /** Ended ones: quarantined ones are listed by their stage. */
  async #listed(): Promise<readonly string[]> {
    const ids: string[] = [];
    for (let before: number | null = null; ; ) {
      const { runs, next } = await this.#world.store.dead({
        ...{ filter: {}, before, rowsMax: pageRows },
      });
      ids.push(...runs.filter(({ status }) => status === 'done').map(({ id }) => id));
      if (next === null) return ids;
      before = next;
    }
  }
}
