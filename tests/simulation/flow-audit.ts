/**
 * Owns the judgement of flow control, from the committed rows, from the starts that were asked for
 * and from what they were told. Paces have a book of their own (`pace-audit.ts`).
 *
 * F1 A debounced run is due when it was quiet for so long after its last start, and never later
 *    than its absolute deadline. It has begun, or is due: then it takes no more.
 * F2 It is executed with the input of its last start. Whoever meets one that waits is that one.
 *    A start that became one is that one, whoever asks again and whatever began meanwhile.
 * F3 No two runs that `unique` makes one are there at once, and who is told of one meets it.
 * F4 Whoever goes by its lane finds it as it demands, makes others give way as it says, and is
 *    refused only where somebody is there. Whoever gives way is cancelled, and says for whom.
 */
import type { ClaimReply, StartItem, StartVerdict } from '../../src/ports/store-runs.ts';
import type { RunRow } from '../../src/store/verbs/tables.ts';
import { debounceTerm, type FlowName, isFlowName } from './flow-terms.ts';
import { PaceAudit } from './pace-audit.ts';
import type { RowChange } from './row-audit.ts';
import type { SimWorld } from './sim-world.ts';

/** Wall time counts in whole ms. */
const slackMs = 2;
/** For so long at least a start that was merged is known again. */
const knownMs = 20_000;

/** A debounced run. */
interface Debounced {
  readonly acceptedAt: number;
  readonly clockSteps: number;
  /** Ids of the starts that became it. */
  readonly merged: Set<string>;
  /** What its last start was given; undefined: nobody has said so yet. */
  input: string | undefined;
}

/** What a start became. */
interface Became {
  readonly run: string;
  readonly at: number;
  readonly clockSteps: number;
}

export class FlowAudit {
  readonly paces: PaceAudit;
  readonly #world: SimWorld;
  readonly #debounced = new Map<string, Debounced>();
  /** When runs that were just accepted are due, by the wall clock; null: at once. */
  readonly #dueAt = new Map<string, number | null>();
  /** When somebody last left a lane. */
  readonly #leftAt = new Map<string, number>();
  readonly #became = new Map<string, Became>();

  constructor(world: SimWorld) {
    this.#world = world;
    this.paces = new PaceAudit(world);
  }

  /** Hears of every commit. */
  committed(changes: readonly RowChange[]): void {
    this.paces.look();
    const fresh: RunRow[] = [];
    for (const { before, after } of changes) {
      if (before?.lane && inLane(before) && (after === undefined || !inLane(after))) {
        this.#leftAt.set(before.lane, this.#world.clock.mono());
      }
      if (before === undefined && after !== undefined && isFresh(after)) fresh.push(after);
    }
    for (const row of fresh.sort((a, b) => a.seq - b.seq)) this.#accepted(row);
    if (fresh.length > 0) this.#gaveWay(changes, fresh);
  }

  /** Hears of starts and their verdicts, right behind the commit. */
  started(items: readonly StartItem[], verdicts: readonly StartVerdict[]): void {
    for (const [at, item] of items.entries()) {
      const verdict = verdicts[at];
      if (verdict === undefined || !isFlowName(item.fn)) continue;
      if (!verdict.ok) this.#refused(item, verdict.code);
      else this.#judgeAgain(item, verdict.id);
      if (!verdict.ok) continue;
      if (verdict.created) this.#created(item);
      else if (verdict.how === 'debounced') this.#merged(item, verdict.id);
      else if (verdict.how === 'unique') this.#met(item, verdict.id);
    }
  }

  /** F2: a start of an id that became a debounced run. */
  #judgeAgain({ id, fn }: StartItem, run: string): void {
    if (fn !== 'debounced') return;
    const at = this.#world.clock.mono();
    const before = this.#became.get(id);
    const { clockSteps } = this.paces;
    if (before === undefined) this.#became.set(id, { run, at, clockSteps });
    // Where the clock jumps ahead it is over at once.
    if (before === undefined || before.clockSteps !== clockSteps) return;
    const known = at - before.at < knownMs && this.#world.rowOf(before.run) !== undefined;
    if (before.run === run || !known) return;
    this.#violation(`F2 start ${id} became run ${before.run}, and then ${run}`);
  }

  /** F2: what code is given. */
  claimed(reply: ClaimReply): void {
    if (!reply.ok) return;
    for (const { id, fn, input } of reply.runs) {
      const wanted = fn === 'debounced' ? this.#debounced.get(id)?.input : undefined;
      if (wanted === undefined || wanted === input) continue;
      this.#violation(`F2 run ${id} is given ${input}; its last start gave ${wanted}`);
    }
  }

  /** The run was pruned. */
  forget(id: string): void {
    this.#debounced.delete(id);
    this.#dueAt.delete(id);
  }

  /** The store lost its last commits: of the runs that are there not all is known. */
  rolledBack(): void {
    this.#debounced.clear();
    this.#dueAt.clear();
    this.#became.clear();
    this.paces.rolledBack();
  }

  #accepted(row: RunRow): void {
    this.#dueAt.set(row.id, row.stage === 'time' ? row.dueAt : null);
    switch (row.fn as FlowName) {
      case 'debounced':
        this.#opens(row);
        return;
      case 'single':
        this.#alone(row, (other) => other.stage !== 'done');
        return;
      case 'pending':
        this.#alone(row, notBegun);
        return;
      case 'drops':
        this.#finds(row, inLane, 'found its lane taken by');
        return;
      case 'cancels':
        this.#finds(row, goesOn, 'leaves alone');
        return;
      case 'replaces':
        this.#finds(row, (other) => inLane(other) && notBegun(other), 'leaves waiting');
        return;
      default:
    }
  }

  /** F1, F2 */
  #opens(row: RunRow): void {
    const world = this.#world;
    const before = this.#sameAs(row)
      .filter(({ seq }) => seq < row.seq)
      .at(-1);
    const waits = before?.stage === 'time' && before.attempt === 0;
    if (waits && before.lane === row.lane && (before.dueAt ?? 0) > world.wallNow()) {
      this.#violation(`F2 run ${row.id} was made beside ${before.id}, which waits for its quiet`);
    }
    const acceptedAt = world.clock.mono();
    const clockSteps = this.paces.clockSteps;
    this.#debounced.set(row.id, { acceptedAt, clockSteps, merged: new Set(), input: undefined });
    this.#judgeDue(row);
  }

  /** F3 */
  #alone(row: RunRow, counts: (row: RunRow) => boolean): void {
    if (!counts(row)) return;
    for (const other of this.#sameAs(row)) {
      if (other.seq === row.seq || !counts(other)) continue;
      this.#violation(`F3 run ${row.id} of ${row.fn} was made beside ${other.id} of one key`);
    }
  }

  /** F4: runs that were there before it and should not be there so. */
  #finds(row: RunRow, amiss: (other: RunRow) => boolean, what: string): void {
    for (const other of this.#world.rows()) {
      if (other.lane !== row.lane || other.seq >= row.seq || !amiss(other)) continue;
      if (row.fn !== 'drops' && other.tenant !== row.tenant) continue;
      this.#violation(`F4 run ${row.id} (${row.fn}) ${what} ${other.id}, ${other.stage}`);
    }
  }

  /** F4: who ended, or was told to stop, in the transaction of starts. */
  #gaveWay(changes: readonly RowChange[], fresh: readonly RunRow[]): void {
    for (const { before, after } of changes) {
      if (before === undefined || after === undefined) continue;
      const ended = before.stage !== 'done' && after.stage === 'done';
      const told = before.stopCause === null && after.stopCause !== null;
      if (!ended && !told) continue;
      this.#world.marks.add(ended ? 'gave way' : 'told to give way');
      const reason = ended ? messageOf(after) : after.stopReason;
      const heir = fresh.find(({ id }) => reason === `it gave way to run '${id}'`);
      const cancelled = ended ? after.outcome === 'cancelled' : after.stopCause === 'cancel';
      const same = heir?.lane === after.lane && heir?.tenant === after.tenant;
      if (cancelled && same && (heir?.fn === 'cancels' || heir?.fn === 'replaces')) continue;
      this.#violation(`F4 run ${after.id} gave way (${after.outcome}) and says: ${reason}`);
    }
  }

  #created(item: StartItem): void {
    const dueAt = this.#dueAt.get(item.id);
    this.#dueAt.delete(item.id);
    if (dueAt !== undefined) this.paces.taken(item, dueAt);
    const known = this.#debounced.get(item.id);
    if (known !== undefined) known.input ??= item.input;
  }

  /** F1 */
  #merged(item: StartItem, id: string): void {
    const known = this.#debounced.get(id);
    const row = this.#world.rowOf(id);
    if (row === undefined) this.#violation(`F2 start ${item.id} became run ${id}: there is none`);
    // Of a run from before something was lost not all is known.
    if (row === undefined || known === undefined || known.merged.has(item.id)) return;
    known.merged.add(item.id);
    known.input = item.input;
    this.#world.marks.add('merged');
    const wall = this.#world.wallNow();
    if (row.stage === 'done' && row.finishedAt === wall) return;
    if (row.stage === 'time' && row.attempt === 0 && (row.dueAt ?? 0) > wall) this.#judgeDue(row);
    else this.#violation(`F1 start ${item.id} became run ${id}, which is ${row.stage} already`);
  }

  /** F1, where no clock has stepped since its first start. */
  #judgeDue({ id, dueAt }: RunRow): void {
    const known = this.#debounced.get(id);
    if (known === undefined || dueAt === null) return;
    if (known.clockSteps !== this.paces.clockSteps) return;
    const deadline = known.acceptedAt + debounceTerm.maxMs;
    const wanted = Math.min(this.#world.clock.mono() + debounceTerm.quietMs, deadline);
    const offMs = this.paces.trueTime(dueAt) - wanted;
    if (wanted === deadline) this.#world.marks.add('debounced to its deadline');
    if (Math.abs(offMs) <= slackMs) return;
    this.#violation(`F1 run ${id} is due ${offMs} ms from where its quiet or its deadline is`);
  }

  /** F3 */
  #met(item: StartItem, id: string): void {
    const row = this.#world.rowOf(id);
    const wall = this.#world.wallNow();
    this.#world.marks.add('met by unique');
    const same = row?.fn === item.fn && row.tenant === item.tenant && row.tags[0] === item.tags[0];
    // It may have gone on at this very moment.
    const there =
      item.fn === 'single'
        ? row?.stage !== 'done' || row.finishedAt === wall
        : row !== undefined && (notBegun(row) || row.startedAt === wall || row.finishedAt === wall);
    if (same && there) return;
    this.#violation(`F3 start ${item.id} was told of run ${id}, which is ${row?.stage}`);
  }

  /** F4 */
  #refused(item: StartItem, code: string): void {
    if (code === 'rate.limited') this.paces.refused(item);
    if (code !== 'lane.busy') return;
    this.#world.marks.add('lane busy');
    const { lane } = item;
    const left = lane !== null && this.#leftAt.get(lane) === this.#world.clock.mono();
    if (left || [...this.#world.rows()].some((row) => row.lane === lane && inLane(row))) return;
    this.#violation(`F4 start ${item.id} was refused, and nobody is in its lane ${lane}`);
  }

  /** Runs of its function, tenant and key, by acceptance. */
  #sameAs({ fn, tenant, tags }: RunRow): readonly RunRow[] {
    return [...this.#world.rows()]
      .filter((row) => row.fn === fn && row.tenant === tenant && row.tags[0] === tags[0])
      .filter(isFresh)
      .sort((a, b) => a.seq - b.seq);
  }

  #violation(what: string): void {
    this.#world.violation(what);
  }
}

/** Retries and redriven runs pass by all terms. */
const isFresh = ({ fn, retryOf }: RunRow): boolean => isFlowName(fn) && retryOf === null;

const inLane = ({ stage, laneHeld, lane }: RunRow): boolean =>
  lane !== null && (stage === 'lane' || laneHeld);

const notBegun = ({ stage, attempt }: RunRow): boolean =>
  attempt === 0 && stage !== 'running' && stage !== 'quarantined' && stage !== 'done';

/** It has begun, and nobody has told it to stop. */
const goesOn = (row: RunRow): boolean =>
  row.laneHeld && row.attempt > 0 && row.stage !== 'done' && row.stopCause === null;

const messageOf = ({ error }: RunRow): string | null =>
  error === null ? null : (JSON.parse(error) as { readonly message: string }).message;
