/**
 * Two sets of tables, in memory and in SQLite, under the same verbs at the same moments: what one
 * answers the other must answer too. The memory tables are written without any SQL and check their
 * own indexes, so they are the model.
 */
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { matchKey } from '../../src/core/durable/match.ts';
import type { NodeKey } from '../../src/core/execution/run.ts';
import { outcomeKinds } from '../../src/core/outcome.ts';
import { wallMs, wallPlus } from '../../src/core/time.ts';
import type { RunFilter } from '../../src/ports/store-reads.ts';
import { openTables as openMemoryTables } from '../../src/store/memory/tables.ts';
import { migrations } from '../../src/store/sqlite/migrations.ts';
import { openTables } from '../../src/store/sqlite/tables.ts';
import type { Tables, WantedLines } from '../../src/store/verbs/tables.ts';
import { openTxn } from '../../src/store/verbs/txn.ts';
import { type VerbName, verbs } from '../../src/store/verbs/verbs.ts';

type AnyVerb = (txn: ReturnType<typeof openTxn>, ...args: readonly unknown[]) => unknown;

const linesWanted: readonly WantedLines[] = [
  { attempt: null, levels: null },
  { attempt: 1, levels: null },
  { attempt: null, levels: ['warn', 'error'] },
];

/** Keys that the comparison asks about. */
export interface Keys {
  readonly functions: readonly string[];
  readonly lanes: readonly string[];
  readonly tenants: readonly string[];
  readonly nodes: readonly NodeKey[];
}

export interface Twins {
  now: number;
  /** Executes a verb on both, compares, and gives the answer. */
  verb<V extends VerbName>(name: V, ...args: readonly unknown[]): ReturnType<(typeof verbs)[V]>;
  /** Asks both every question that tables answer. */
  compare(keys: Keys): void;
}

export function openTwins(): Twins {
  const memory = openMemoryTables();
  const db = new DatabaseSync(':memory:');
  for (const step of migrations) db.exec(step);
  db.exec(`UPDATE tally SET schema = ${migrations.length}`);
  const sqlite = openTables(db, () => []);
  const twins: Twins = {
    now: 1_000_000,
    verb(name, ...args) {
      const moment = { wall: wallMs(twins.now), judge: twins.now, boot: 'boot' };
      const execute = (tables: Tables): unknown => {
        const txn = openTxn(tables, moment);
        const value = (verbs[name] as AnyVerb)(txn, ...structuredClone(args));
        txn.flush();
        return value;
      };
      const expected = execute(memory);
      db.exec('BEGIN');
      sqlite.begin();
      const value = execute(sqlite);
      sqlite.flush();
      db.exec('COMMIT');
      assert.deepEqual(value, expected, `${name} ${JSON.stringify(args)}`);
      return value as ReturnType<(typeof verbs)[typeof name]>;
    },
    compare(keys) {
      sqlite.begin();
      const same = (question: string, ask: (tables: Tables) => unknown): void =>
        assert.deepEqual(ask(sqlite), ask(memory), question);
      compareQueues(same, keys);
      compareTimes(same, twins.now);
      compareInboxes(same);
      compareLists(same, memory);
    },
  };
  return twins;
}

type Same = (question: string, ask: (tables: Tables) => unknown) => void;

function compareQueues(same: Same, { functions, lanes, tenants, nodes }: Keys): void {
  for (const fn of functions) {
    for (const pin of [null, '1', '2']) {
      const of = { fn, pin };
      for (const rowsMax of [3, 100]) {
        same(`ready ${fn} ${pin}`, ({ runs }) => runs.ready(of, rowsMax));
      }
      same(`ready before ${fn} ${pin}`, ({ runs }) => runs.countReadyBefore(of, 1, 3, 5));
    }
  }
  for (const rowsMax of [1, 100]) same('pinned', ({ runs }) => runs.countPinned(rowsMax));
  for (const lane of lanes) {
    same(`first in ${lane}`, ({ runs }) => runs.firstInLane(lane));
    same(`holders of ${lane}`, ({ runs }) => runs.laneHolders(lane, 10));
    same(`count of holders of ${lane}`, ({ runs }) => runs.countLaneHolders(lane, 2));
    same(`waiting in ${lane}`, ({ runs }) => runs.countLaneBefore(lane, 1e9, 3));
  }
  for (const rowsMax of [1, 100]) same('busy lanes', ({ runs }) => runs.busyLanes(rowsMax));
  for (const tenant of tenants) {
    for (const event of ['paid', 'sent']) compareWaits(same, tenant, event);
    same(`first of ${tenant}`, ({ runs }) => runs.firstOfTenant(tenant));
    same(`holders of ${tenant}`, ({ runs }) => runs.countTenantHolders(tenant, 2));
    same(`waiting of ${tenant}`, ({ runs }) => runs.countTenantWaiting(tenant, 4));
    same(`uncounted of ${tenant}`, ({ runs }) =>
      [...runs.tenantUncounted(tenant, 100)].sort((x, y) => x.seq - y.seq),
    );
    for (const rowsMax of [2, 100]) {
      same(`last of ${tenant}`, ({ runs }) => runs.tenantLast(tenant, rowsMax));
    }
  }
  for (const node of nodes) {
    for (const rowsMax of [1, 100]) same('owned', ({ runs }) => runs.ownedBy(node, rowsMax));
    same('count of owned', ({ runs }) => runs.countOwnedBy(node));
    same('stops', ({ runs }) => runs.stopsOf(node));
  }
}

function compareWaits(same: Same, tenant: string, event: string): void {
  same(`paths of ${event}`, ({ steps }) => steps.wantedPaths(tenant, event, 2));
  same(`all paths of ${event}`, ({ steps }) => steps.wantedPaths(tenant, event, 100));
  for (const match of [matchKey({}), matchKey({ n: 1 })]) {
    same(`who wants ${event}`, ({ steps }) => steps.wanting(tenant, event, match, 2));
    for (const [n, since] of [
      [0, 0],
      [3, 1_000_300],
    ] as const) {
      const place = { tenant, name: event, since: wallMs(since) };
      same(`${event} after ${n}`, ({ events }) => events.after(place, n, match, 3));
    }
  }
}

/** The inboxes of the first runs. */
function compareInboxes(same: Same): void {
  for (let seq = 1; seq <= 20; seq += 1) {
    same(`inbox of ${seq}`, ({ signals }) => signals.size(seq));
    for (const names of ['["go"]', '["go","stop"]']) {
      same(`first of ${seq}`, ({ signals }) => signals.first(seq, names));
    }
    same(`s-1 of ${seq}`, ({ signals }) => signals.byId(seq, 's-1'));
  }
}

function compareTimes(same: Same, now: number): void {
  for (const ahead of [0, 100, 100_000]) {
    const at = wallPlus(wallMs(now), ahead);
    same('due', ({ runs }) => runs.due(at, 3));
    same('past deadline', ({ runs }) => runs.pastDeadline(at, 3));
    same('overdue', ({ runs }) => runs.overdue(at, 3));
    for (const kind of outcomeKinds) same(kind, ({ runs }) => runs.finished(kind, at, 3));
  }
  same('next due', ({ runs }) => runs.nextDueAt());
  same('next deadline', ({ runs }) => runs.nextDeadlineAt());
  same('next overdue', ({ runs }) => runs.nextOverdueAt());
}

const filters: readonly RunFilter[] = [
  {},
  { status: 'queued' },
  { status: 'running' },
  { status: 'done' },
  { status: 'quarantined' },
  { outcome: 'failed' },
  { lane: 'a' },
  { tenant: 't1', status: 'queued' },
  { tag: 'x' },
];

function compareLists(same: Same, model: Tables): void {
  for (const filter of filters) {
    for (const rowsMax of [2, 1_000]) {
      const name = `page ${JSON.stringify(filter)}`;
      same(name, ({ runs }) => runs.page(filter, null, rowsMax, 100_000).rows);
    }
  }
  same('every run', ({ runs }) => runs.scan(0, 100_000));
  same('live', ({ runs }) => [runs.live(), runs.nextSeq()]);
  same('nodes', ({ nodes }) => nodes.all());
  same('keys', ({ keys }) => [keys.all(), keys.count(), keys.byId('key 1')]);
  same('settings', ({ settings }) => [settings.tenants(10), settings.pauses(), settings.clock()]);
  same('events', ({ events }) => [events.open(3), events.count(), events.lastAt()]);
  for (const { seq } of model.runs.scan(0, 100_000)) {
    same('steps', ({ steps }) => [
      ...[steps.page(seq, 0, 100), steps.page(seq, 1, 2), steps.size(seq)],
      ...[steps.earliestWake(seq), steps.countEnded(seq, 2), steps.countEnded(seq, null)],
    ]);
    same('payloads', ({ runs }) => [runs.input(seq), runs.result(seq)]);
    same('attempts', ({ attempts }) => attempts.of(seq));
    same('notes', ({ notes }) => [notes.progress(seq), notes.logSize(seq)]);
    for (const wanted of linesWanted) {
      same('lines', ({ notes }) => notes.lines(seq, 1, 2, wanted));
    }
  }
}
