/**
 * Owns what is not about single runs: nodes, tenants, pauses, policies, the share clock.
 *
 * S1 Keys of nodes and of policies are given once.
 * S2 What came from outside is kept as a frozen copy.
 */
import { HoldfastError } from '../../core/errors.ts';
import type { NodeKey } from '../../core/execution/run.ts';
import { nodeKeyOf } from '../../core/execution/run.ts';
import type { ShareClock } from '../../core/rank.ts';
import type { PauseView } from '../../ports/store-reads.ts';
import type { RunPolicy } from '../../ports/store-runs.ts';
import type { NodeRecord, NodeTable, SettingTable, TenantRow } from '../verbs/tables.ts';
import { frozenCopy } from './details.ts';
import type { Journal } from './journal.ts';
import { Cell, Ordered } from './ordered.ts';

/** Opens the table of nodes. */
export function openNodes(journal: Journal): NodeTable {
  const records = Ordered.byNumber<NodeKey, NodeRecord>(journal);
  const nextNode = new Cell(journal, 1);
  return {
    insert(record) {
      const node = nodeKeyOf(nextNode.value);
      nextNode.value += 1;
      const { process, functions } = frozenCopy(record);
      records.put(node, { ...record, process, functions, node });
      return node;
    },
    byKey: (node) => records.get(node),
    update: (record) => records.put(record.node, record),
    all: () => [...records.after()],
    remove: (node) => void records.drop(node),
  };
}

/** Opens everything else. */
export function openSettings(journal: Journal): SettingTable {
  const clock = new Cell<ShareClock | undefined>(journal, undefined);
  return {
    clock: () => clock.value,
    putClock(next) {
      clock.value = next;
    },
    ...openTenants(journal),
    ...openPauses(journal),
    ...openPolicies(journal),
  };
}

function openTenants(journal: Journal) {
  const rows = Ordered.byText<TenantRow>(journal);
  return {
    tenant: (tenant) => rows.get(tenant),
    putTenant: (row) => rows.put(row.tenant, row),
    tenants(rowsMax) {
      const page: TenantRow[] = [];
      for (const row of rows.after()) {
        if (page.length >= rowsMax) break;
        page.push(row);
      }
      return page;
    },
    // Looks at every tenant: it is for pruning only.
    forgetTenants(turn, rowsMax) {
      const idle = [...rows.after()].filter(
        (row) =>
          row.weight === 1 &&
          row.runningMax === null &&
          row.waitingMax === null &&
          row.turn <= turn,
      );
      for (const row of idle.slice(0, rowsMax)) rows.drop(row.tenant);
      return Math.min(idle.length, rowsMax);
    },
  } satisfies Partial<SettingTable>;
}

function openPauses(journal: Journal) {
  const rows = Ordered.byText<PauseView>(journal);
  const nameOf = (kind: PauseView['kind'], key: string): string => `${kind} ${key}`;
  return {
    pauses: () => [...rows.after()],
    putPause: (pause) => rows.put(nameOf(pause.kind, pause.key), pause),
    removePause: (kind, key) => rows.drop(nameOf(kind, key)),
  } satisfies Partial<SettingTable>;
}

/** A policy is kept once for each distinct content, never changed and never taken away. */
function openPolicies(journal: Journal) {
  const keys = Ordered.byText<number>(journal);
  const policies = Ordered.byNumber<number, RunPolicy>(journal);
  return {
    policyKey(policy) {
      const content = contentOf(policy);
      const known = keys.get(content);
      if (known !== undefined) return known;
      const key = policies.size + 1;
      keys.put(content, key);
      policies.put(key, frozenCopy(policy));
      return key;
    },
    policy(key) {
      const policy = policies.get(key);
      if (policy !== undefined) return policy;
      throw new HoldfastError('internal.defect', `the store has lost policy ${key}`);
    },
  } satisfies Partial<SettingTable>;
}

/** The same text for the same content, in whatever order its keys stand. */
const contentOf = ({ retry, ...policy }: RunPolicy): string =>
  JSON.stringify([sorted(policy), sorted(retry)]);

const sorted = (record: object): readonly (readonly [string, unknown])[] =>
  Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
