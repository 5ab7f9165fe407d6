/**
 * Owns the judgement of every committed change of a run's row, from outside of the code that made
 * it.
 *
 * R1 (G1) The fence never shrinks, and grows whenever a run gets or loses an owner by force.
 * R2 (G1) One ownership, one owner: a (run, fence) belongs to one node for ever.
 * R3 (G2) What is done stays done, with the same outcome, error and time.
 * R4 (G3) No row vanishes, except by pruning what is done.
 * R5 (G4) At most `width` hold a lane, and whoever enters passes nobody who waited before.
 * R6 (G4) In a lane of width 1, runs that were due at once are first claimed in order of
 *    acceptance.
 * R7 A tenant's places never grow past the limit in force.
 * R8 (G5) A run that is asked to stop begins a further attempt only to clean up: its steps are
 *    kept, and the stop stands.
 * R9 Nobody passes the gate of time before it is due.
 * R10 (G1) A node that is dead by the store's own word is given nothing.
 * R11 A run that is pinned to a version stays so: nobody here sends one on with another.
 */
import type { NodeKey } from '../../src/core/execution/run.ts';
import type { RunRow } from '../../src/store/verbs/tables.ts';

/** One row before and after one transaction. */
export interface RowChange {
  readonly before: RunRow | undefined;
  readonly after: RunRow | undefined;
}

/** What the judge has to know beside the rows. */
export interface AuditTerms {
  /** The limit in force for a tenant, or null. */
  runningMaxOf(tenant: string): number | null;
  /** How many may execute in a lane at once, as it was agreed outside of the store. */
  widthOf(lane: string): number;
  wallNow(): number;
  /** Whether the store declared this node dead, or it left. */
  isDead(node: NodeKey): boolean;
  /** Says what is wrong. */
  violation(what: string): void;
}

const name = (row: RunRow): string => `run ${row.id} (seq ${row.seq}, fence ${row.fence})`;

/** Judges changes of rows. */
export class RowAudit {
  readonly #terms: AuditTerms;
  readonly #rows = new Map<number, RunRow>();
  readonly #owners = new Map<string, number>();
  readonly #stopped = new Set<number>();
  readonly #firstClaims = new Map<string, number>();
  readonly #dueAtOnce = new Set<string>();

  constructor(terms: AuditTerms) {
    this.#terms = terms;
  }

  /** Every row as it was last committed. */
  get rows(): ReadonlyMap<number, RunRow> {
    return this.#rows;
  }

  /**
   * Begins anew from rows that were restored: what was lost is lost. With `ownersLive` there may be
   * owners who remember it: R2 holds for lost ownerships as well.
   */
  restored(rows: readonly RunRow[], ownersLive: boolean): void {
    this.#rows.clear();
    if (!ownersLive) this.#owners.clear();
    this.#stopped.clear();
    this.#firstClaims.clear();
    for (const row of rows) {
      this.#rows.set(row.seq, row);
      if (row.stage === 'running') this.#owners.set(`${row.seq}/${row.fence}`, row.owner ?? -1);
      if (row.stopCause !== null) this.#stopped.add(row.seq);
    }
  }

  /** Judges one commit. */
  committed(changes: readonly RowChange[]): void {
    const held = this.#heldOf(changes);
    const late = new Set<number>();
    const entered = new Set<number>();
    for (const { before, after } of changes) {
      if (before !== undefined && before.stage !== 'lane') late.add((after ?? before).seq);
      if (after?.laneHeld && before?.laneHeld !== true) entered.add(after.seq);
    }
    for (const { before, after } of changes) {
      if (after === undefined) this.#vanished(before);
      else if (before === undefined) this.#rows.set(after.seq, after);
      else this.#changed(before, after);
      if (after !== undefined) this.#inTime(before, after);
    }
    for (const { after } of changes) {
      if (after !== undefined && entered.has(after.seq)) this.#entered(after, late, entered);
    }
    this.#tenants(changes, held);
  }

  #changed(before: RunRow, after: RunRow): void {
    const known = this.#rows.get(after.seq);
    if (known !== undefined && (known.fence !== before.fence || known.stage !== before.stage)) {
      this.#terms.violation(`R4 ${name(after)} changed without a commit: ${known.stage}`);
    }
    this.#rows.set(after.seq, after);
    if (before.id !== after.id || before.seq !== after.seq) {
      this.#terms.violation(`R4 ${name(after)} took the place of ${name(before)}`);
    }
    if (after.fence < before.fence) {
      this.#terms.violation(`R1 ${name(after)}: the fence fell from ${before.fence}`);
    }
    if (after.crashes > before.crashes && after.fence <= before.fence) {
      this.#terms.violation(`R1 ${name(after)}: taken from its owner under the old fence`);
    }
    if (before.pin !== null && before.pin !== after.pin) {
      this.#terms.violation(
        `R11 ${name(after)} was pinned to ${before.pin}, and is to ${after.pin}`,
      );
    }
    if (before.stage === 'done') this.#doneStays(before, after);
    if (after.stage === 'running') this.#owned(before, after);
    if (after.stopCause !== null) this.#stopped.add(after.seq);
  }

  #inTime(before: RunRow | undefined, after: RunRow): void {
    const waited = before === undefined || before.stage === 'time';
    const passed = after.stage === 'lane' || after.stage === 'tenant' || after.stage === 'slot';
    if (!waited || !passed || after.dueAt === null) return;
    const early = after.dueAt - this.#terms.wallNow();
    if (early > 0) this.#terms.violation(`R9 ${name(after)} is ${after.stage}, ${early} ms early`);
  }

  #doneStays(before: RunRow, after: RunRow): void {
    const same =
      after.stage === 'done' &&
      after.outcome === before.outcome &&
      after.error === before.error &&
      after.finishedAt === before.finishedAt &&
      after.attempt === before.attempt;
    if (!same) {
      const now = `${after.stage} ${after.outcome}`;
      this.#terms.violation(`R3 ${name(after)} was done (${before.outcome}) and is ${now} now`);
    }
  }

  #owned(before: RunRow, after: RunRow): void {
    const key = `${after.seq}/${after.fence}`;
    const owner = this.#owners.get(key);
    if (owner !== undefined && owner !== after.owner) {
      this.#terms.violation(`R2 ${name(after)} belongs to node ${owner} and to ${after.owner}`);
    }
    this.#owners.set(key, after.owner ?? -1);
    if (before.stage === 'running' && before.owner === after.owner) return;
    if (after.owner !== null && this.#terms.isDead(after.owner)) {
      this.#terms.violation(`R10 ${name(after)} was given to node ${after.owner}, which is dead`);
    }
    if (after.fence <= before.fence) {
      this.#terms.violation(`R1 ${name(after)}: a new owner under the old fence`);
    }
    if (after.attempt !== before.attempt + 1) {
      this.#terms.violation(`R1 ${name(after)}: attempt ${before.attempt} to ${after.attempt}`);
    }
    const cleansUp = after.stopCause !== null && after.pin !== null;
    if (this.#stopped.has(after.seq) && !cleansUp) {
      this.#terms.violation(`R8 ${name(after)} was asked to stop and begins another attempt`);
    }
    if (before.attempt === 0) this.#firstClaimed(after);
  }

  #firstClaimed({ id, seq, lane }: RunRow): void {
    if (lane === null || this.#terms.widthOf(lane) !== 1 || !this.#dueAtOnce.has(id)) return;
    const last = this.#firstClaims.get(lane) ?? 0;
    if (seq < last) this.#terms.violation(`R6 run ${id} (${seq}) began after ${last} of '${lane}'`);
    this.#firstClaims.set(lane, seq);
  }

  /** Told by whoever starts runs: this one was started without a due time. */
  startedAtOnce(id: string): void {
    this.#dueAtOnce.add(id);
  }

  #vanished(before: RunRow | undefined): void {
    if (before === undefined) return;
    this.#rows.delete(before.seq);
    if (before.stage !== 'done') {
      this.#terms.violation(`R4 ${name(before)} vanished while it was ${before.stage}`);
    }
  }

  /**
   * In the same commit `late` came to their gate, perhaps after this one had entered, and of those
   * that `entered` a wider one that came after this one may have been let in beside it.
   */
  #entered(row: RunRow, late: ReadonlySet<number>, entered: ReadonlySet<number>): void {
    if (row.lane === null) return;
    const holders: RunRow[] = [];
    for (const other of this.#rows.values()) {
      if (other.lane !== row.lane) continue;
      const after = entered.has(other.seq) && (other.seq > row.seq || late.has(other.seq));
      if (other.laneHeld && !(after && other.laneWidth > row.laneWidth)) holders.push(other);
      if (other.stage === 'lane' && other.seq < row.seq && !late.has(other.seq)) {
        this.#terms.violation(`R5 ${name(row)} entered its lane past ${name(other)}`);
      }
    }
    const width = Math.min(this.#terms.widthOf(row.lane), row.laneWidth);
    if (holders.length <= width) return;
    const who = holders.map((one) => one.seq).join();
    this.#terms.violation(`R5 ${name(row)} entered a lane of width ${width} held by ${who}`);
  }

  /** How many places each touched tenant had before the commit. */
  #heldOf(changes: readonly RowChange[]): Map<string, number> {
    const held = new Map<string, number>();
    for (const { before, after } of changes) {
      const tenant = (after ?? before)?.tenant;
      if (tenant !== undefined && !held.has(tenant)) held.set(tenant, this.#places(tenant));
    }
    return held;
  }

  #places(tenant: string): number {
    let places = 0;
    for (const row of this.#rows.values()) {
      if (row.tenant === tenant && (row.stage === 'slot' || row.stage === 'running')) places += 1;
    }
    return places;
  }

  #tenants(changes: readonly RowChange[], before: ReadonlyMap<string, number>): void {
    for (const [tenant, had] of before) {
      const limit = this.#terms.runningMaxOf(tenant);
      if (limit === null) continue;
      const has = this.#places(tenant);
      if (has > limit && has > had) {
        const what = `${changes.length} changed rows took it from ${had} to ${has}`;
        this.#terms.violation(`R7 tenant '${tenant}' has a limit of ${limit}: ${what}`);
      }
    }
  }
}
