/**
 * Owns the one row that changes in nearly every transaction: next numbers, counts, the share clock.
 *
 * L1 It is read at most once and written at most once a transaction, by `flush`.
 * L2 Its counts are those of the rows, in the same transaction: no other place may change a stage.
 * L3 It names the schema: a process that is still running when a newer version migrates the file
 *    finds out in its next transaction and stops.
 */
import type { DatabaseSync } from 'node:sqlite';
import { HoldfastError } from '../../core/errors.ts';
import type { OutcomeKind } from '../../core/outcome.ts';
import type { ShareClock } from '../../core/rank.ts';
import type { WallMs } from '../../core/time.ts';
import { movedVersion } from '../moving.ts';
import type { Stage } from '../verbs/tables.ts';
import { schemaVersion } from './migrations.ts';
import { query, type Sql } from './statement.ts';

/** The row while a transaction is open. */
export interface Tally {
  nextSeq: number;
  nextNode: number;
  readonly stages: Record<Stage, number>;
  readonly outcomes: Record<OutcomeKind, number>;
  share: ShareClock | undefined;
}

/** Access to the row. */
export interface TallyRow {
  /** Forgets what an earlier transaction read. */
  begin(): void;
  look(): Tally;
  /** The same, for whoever is about to change it. */
  change(): Tally;
  flush(): void;
}

type Tuple = readonly [
  schema: number,
  nextSeq: number,
  nextNode: number,
  time: number,
  lane: number,
  tenant: number,
  slot: number,
  running: number,
  parked: number,
  quarantined: number,
  done: number,
  succeeded: number,
  failed: number,
  cancelled: number,
  timedOut: number,
  rejected: number,
  lost: number,
  turn: number | null,
  turnsPerSecond: number | null,
  measuredAt: number | null,
  measuredTurn: number | null,
];

const columns = [
  'next_seq',
  'next_node',
  'stage_time',
  'stage_lane',
  'stage_tenant',
  'stage_slot',
  'stage_running',
  'stage_parked',
  'stage_quarantined',
  'stage_done',
  'outcome_succeeded',
  'outcome_failed',
  'outcome_cancelled',
  'outcome_timed_out',
  'outcome_rejected',
  'outcome_lost',
  'share_turn',
  'share_turns_per_second',
  'share_measured_at',
  'share_measured_turn',
] as const;

/** Opens the row. */
export function openTally(db: DatabaseSync): TallyRow {
  const read = query<Tuple>(db, `SELECT schema, ${columns.join(', ')} FROM tally WHERE one = 1`);
  const assignments = columns.map((column) => `${column} = ?`).join(', ');
  const write = query(db, `UPDATE tally SET ${assignments} WHERE one = 1`);
  let current: Tally | undefined;
  let changed = false;
  const look = (): Tally => {
    current ??= tallyOf(read.one());
    return current;
  };
  return {
    begin() {
      current = undefined;
      changed = false;
    },
    look,
    change() {
      changed = true;
      return look();
    },
    flush() {
      if (changed && current !== undefined) write.run(...valuesOf(current));
      changed = false;
    },
  };
}

function tallyOf(tuple: Tuple | undefined): Tally {
  if (tuple === undefined) {
    throw new HoldfastError('store.corrupt', 'the store has lost its row of counts');
  }
  if (tuple[0] === movedVersion) {
    const message = 'the store was closed while this process used it: it is moved elsewhere';
    throw new HoldfastError('store.moved', `${message}; open the new place`);
  }
  if (tuple[0] !== schemaVersion) {
    const message = `the store was migrated to schema ${tuple[0]} while this process used it`;
    throw new HoldfastError('store.newer_schema', `${message}; restart with the newer version`);
  }
  return {
    nextSeq: tuple[1],
    nextNode: tuple[2],
    stages: {
      time: tuple[3],
      lane: tuple[4],
      tenant: tuple[5],
      slot: tuple[6],
      running: tuple[7],
      parked: tuple[8],
      quarantined: tuple[9],
      done: tuple[10],
    },
    outcomes: {
      succeeded: tuple[11],
      failed: tuple[12],
      cancelled: tuple[13],
      'timed-out': tuple[14],
      rejected: tuple[15],
      lost: tuple[16],
    },
    share: shareOf(tuple),
  };
}

function shareOf(tuple: Tuple): ShareClock | undefined {
  const [turn, turnsPerSecond, measuredAt, measuredTurn] = tuple.slice(17) as (number | null)[];
  if (turn == null || turnsPerSecond == null || measuredAt == null || measuredTurn == null) {
    return undefined;
  }
  return { turn, turnsPerSecond, measuredAt: measuredAt as WallMs, measuredTurn };
}

function valuesOf({ nextSeq, nextNode, stages, outcomes, share }: Tally): readonly Sql[] {
  return [
    nextSeq,
    nextNode,
    stages.time,
    stages.lane,
    stages.tenant,
    stages.slot,
    stages.running,
    stages.parked,
    stages.quarantined,
    stages.done,
    outcomes.succeeded,
    outcomes.failed,
    outcomes.cancelled,
    outcomes['timed-out'],
    outcomes.rejected,
    outcomes.lost,
    share?.turn ?? null,
    share?.turnsPerSecond ?? null,
    share?.measuredAt ?? null,
    share?.measuredTurn ?? null,
  ];
}
