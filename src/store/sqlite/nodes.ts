/**
 * Owns the rows of `nodes`.
 *
 * O1 A key comes from the tally and is never given again.
 * O2 What a node says of itself (process, functions) never changes under its key, and is parsed
 *    once: the claim reads its node each time, and a node may host hundreds of functions.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { NodeKey } from '../../core/execution/run.ts';
import { nodeKeyOf } from '../../core/execution/run.ts';
import type { WallMs } from '../../core/time.ts';
import type { ProcessIdentity } from '../../ports/process-table.ts';
import type { HostedFunction } from '../../ports/store-nodes.ts';
import type { NodeRecord, NodeTable } from '../verbs/tables.ts';
import { query, type Sql } from './statement.ts';
import type { TallyRow } from './tally.ts';

type NodeTuple = readonly [
  node: number,
  name: string,
  process: string,
  state: NodeRecord['state'],
  joinedAt: number,
  endedAt: number | null,
  ttlMs: number,
  renewedAt: number,
  boot: string,
  slots: number,
  functions: string,
];

const columns =
  'node, name, process, state, joined_at, ended_at, ttl_ms, renewed_at, boot, slots, functions';

/** Texts whose parsed form is kept. */
const parsedMax = 1_024;

/** Opens the table. */
export function openNodes(db: DatabaseSync, tally: TallyRow): NodeTable {
  const insert = query(
    db,
    `INSERT INTO nodes (${columns}) VALUES (${columns.replace(/\w+/g, '?')})`,
  );
  const byKey = query<NodeTuple>(db, `SELECT ${columns} FROM nodes WHERE node = ?`);
  const all = query<NodeTuple>(db, `SELECT ${columns} FROM nodes ORDER BY node`);
  const update = query(
    db,
    `UPDATE nodes SET name = ?2, process = ?3, state = ?4, joined_at = ?5, ended_at = ?6,
       ttl_ms = ?7, renewed_at = ?8, boot = ?9, slots = ?10, functions = ?11 WHERE node = ?1`,
  );
  const remove = query(db, 'DELETE FROM nodes WHERE node = ?');
  const parse = parser();
  const recordOf = (tuple: NodeTuple): NodeRecord => ({
    node: nodeKeyOf(tuple[0]),
    name: tuple[1],
    process: parse(tuple[2]) as ProcessIdentity,
    state: tuple[3],
    joinedAt: tuple[4] as WallMs,
    endedAt: tuple[5] as WallMs | null,
    ttlMs: tuple[6],
    renewedAt: tuple[7],
    boot: tuple[8],
    slots: tuple[9],
    functions: parse(tuple[10]) as readonly HostedFunction[],
  });
  return {
    insert(record) {
      const now = tally.change();
      const node = nodeKeyOf(now.nextNode);
      now.nextNode += 1;
      insert.run(...valuesOf({ ...record, node }));
      return node;
    },
    byKey(node: NodeKey) {
      const tuple = byKey.one(node);
      return tuple === undefined ? undefined : recordOf(tuple);
    },
    update(record) {
      update.run(...valuesOf(record));
    },
    all: () => all.all().map(recordOf),
    remove(node) {
      remove.run(node);
    },
  };
}

function valuesOf(record: NodeRecord): readonly Sql[] {
  return [
    record.node,
    record.name,
    JSON.stringify(record.process),
    record.state,
    record.joinedAt,
    record.endedAt,
    record.ttlMs,
    record.renewedAt,
    record.boot,
    record.slots,
    JSON.stringify(record.functions),
  ];
}

/** Parses JSON, the same text only once. What it gives is shared: nobody may change it. */
function parser(): (text: string) => unknown {
  const known = new Map<string, unknown>();
  return (text) => {
    let value = known.get(text);
    if (value === undefined) {
      if (known.size >= parsedMax) known.clear();
      value = JSON.parse(text);
      known.set(text, value);
    }
    return value;
  };
}
