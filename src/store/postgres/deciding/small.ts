/**
 * Owns what is not runs as one decision sees it: nodes, evidence, settings.
 *
 * S1 As with runs: what was loaded, with the decision's own changes over it.
 */
import { HoldfastError } from '../../../core/errors.ts';
import { type NodeKey, nodeKeyOf } from '../../../core/execution/run.ts';
import type { ShareClock } from '../../../core/rank.ts';
import type { PauseView } from '../../../ports/store-reads.ts';
import type { AttemptRow } from '../../../ports/store-runs.ts';
import type {
  AttemptTable,
  KeyTable,
  NodeRecord,
  NodeTable,
  NoteTable,
  PartTable,
  SettingTable,
  TenantRow,
} from '../../verbs/tables.ts';
import type { Policies } from '../policies.ts';
import type { Loaded } from './loaded.ts';

/** Changes of nodes: new and changed ones, and those taken away. */
export interface DecidedNodes extends NodeTable {
  readonly inserted: Map<NodeKey, NodeRecord>;
  readonly updated: Map<NodeKey, NodeRecord>;
  readonly removed: Set<NodeKey>;
}

/** Opens the nodes. */
export function openNodes(loaded: Loaded): DecidedNodes {
  const inserted = new Map<NodeKey, NodeRecord>();
  const updated = new Map<NodeKey, NodeRecord>();
  const removed = new Set<NodeKey>();
  const all = () => loaded.need(loaded.nodes ?? undefined, { nodes: 'yes' });
  return {
    inserted,
    updated,
    removed,
    insert(record) {
      const node = nodeKeyOf(loaded.need(loaded.node ?? undefined, { node: 'yes' }));
      inserted.set(node, { ...record, node });
      return node;
    },
    byKey(node) {
      if (removed.has(node)) return undefined;
      const changed = inserted.get(node) ?? updated.get(node);
      return changed ?? (loaded.nodes ?? lightly(loaded, node) ?? all()).get(node)?.record;
    },
    update(record) {
      // Whoever changes a node has asked for all of it before.
      all();
      updated.set(record.node, record);
    },
    all: () =>
      [...all().values()]
        .map(({ record }) => updated.get(record.node) ?? record)
        .filter(({ node }) => !removed.has(node)),
    remove: (node) => void removed.add(node),
  };
}

/** The owners of loaded rows come with their names: enough for the evidence of an attempt. */
function lightly({ owners }: Loaded, node: NodeKey): Loaded['nodes'] | null {
  const name = owners.get(node);
  if (name === undefined) return null;
  return new Map([[node, { record: { node, name } as NodeRecord, running: 0 }]]);
}

/** Evidence that the decision adds. */
export interface DecidedAttempts extends AttemptTable {
  readonly added: (AttemptRow & { readonly seq: number })[];
  readonly trims: { readonly seq: number; readonly keep: number }[];
}

/** Opens the attempts. */
export function openAttempts(): DecidedAttempts {
  const added: DecidedAttempts['added'] = [];
  const trims: DecidedAttempts['trims'] = [];
  return {
    added,
    trims,
    add: (seq, row) => void added.push({ ...row, seq }),
    of: () => {
      throw new HoldfastError('internal.defect', 'no decision asks for attempts');
    },
    trim: (seq, keep) => void trims.push({ seq, keep }),
  };
}

/** Opens the notes, which no decision touches. */
export function openNotes(): NoteTable {
  const refuse = (): never => {
    throw new HoldfastError('internal.defect', 'no decision touches notes');
  };
  return {
    progress: refuse,
    putProgress: refuse,
    state: refuse,
    putState: refuse,
    logSize: refuse,
    addLine: refuse,
    addDropped: refuse,
    lines: refuse,
  };
}

/** Parts are kept without a decision. */
export function openParts(): PartTable {
  const refuse = (): never => {
    throw new HoldfastError('internal.defect', 'no decision touches parts');
  };
  return { sums: refuse, putSums: refuse, add: refuse, blocks: refuse };
}

/** Keys are decided upon in the database. */
export function openKeys(): KeyTable {
  const refuse = (): never => {
    throw new HoldfastError('internal.defect', 'no decision asks for access keys');
  };
  const rows = { count: refuse, byId: refuse, all: refuse, put: refuse, remove: refuse };
  return { ...rows, secret: refuse, putSecret: refuse };
}

/** Settings that the decision changed. */
export interface DecidedSettings extends SettingTable {
  readonly changed: {
    clock: ShareClock | null;
    readonly terms: Map<string, TenantRow>;
    readonly turns: Map<string, number>;
    readonly pausesIn: PauseView[];
    readonly pausesOut: Pick<PauseView, 'kind' | 'key'>[];
  };
}

/** Opens the settings. */
export function openSettings(loaded: Loaded, policies: Policies): DecidedSettings {
  const changed: DecidedSettings['changed'] = {
    clock: null,
    terms: new Map(),
    turns: new Map(),
    pausesIn: [],
    pausesOut: [],
  };
  const tenants = new Map<string, TenantRow>();
  const tenantOf = (tenant: string) =>
    loaded.need(loaded.tenants.get(tenant), { tenants: [tenant] });
  const same = (a: PauseView, kind: string, key: string) => a.kind === kind && a.key === key;
  let pauses = loaded.pauses;
  return {
    changed,
    clock: () => changed.clock ?? loaded.clock,
    putClock(clock) {
      changed.clock = clock;
    },
    tenant: (tenant) => tenants.get(tenant) ?? tenantOf(tenant).row,
    putTenant(row) {
      const before = tenants.get(row.tenant) ?? tenantOf(row.tenant).row;
      tenants.set(row.tenant, row);
      if (before?.turn !== row.turn) changed.turns.set(row.tenant, row.turn);
      const { weight = 1, runningMax = null, waitingMax = null } = before ?? {};
      const kept =
        row.weight === weight && row.runningMax === runningMax && row.waitingMax === waitingMax;
      if (!kept) changed.terms.set(row.tenant, row);
    },
    tenants: () => {
      throw new HoldfastError('internal.defect', 'no decision asks for every tenant');
    },
    forgetTenants: () => 0,
    pauses: () => pauses,
    putPause(pause) {
      pauses = [...pauses.filter((one) => !same(one, pause.kind, pause.key)), pause];
      changed.pausesIn.push(pause);
    },
    removePause(kind, key) {
      const left = pauses.filter((one) => !same(one, kind, key));
      if (left.length === pauses.length) return false;
      pauses = left;
      changed.pausesOut.push({ kind, key });
      return true;
    },
    policyKey: (policy) => policies.key(policy),
    policy: (key) => policies.policy(key),
  };
}
