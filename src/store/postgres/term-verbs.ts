/**
 * Owns the verbs that are not about single runs: time, terms, pauses, nodes.
 *
 * V1 A sweep looks first, without the gate: where nothing is due it costs one small query.
 */
import { limits } from '../../core/limits.ts';
import { outcomeKinds } from '../../core/outcome.ts';
import type { WallMs } from '../../core/time.ts';
import type { Store, Waking } from '../../ports/store.ts';
import type { JoinVerdict } from '../../ports/store-nodes.ts';
import type { Retention } from '../../ports/store-reads.ts';
import type { SweepReply } from '../../ports/store-runs.ts';
import { inSteps } from '../verbs/steps.ts';
import type { RangeKind } from './deciding/loaded.ts';
import { outcomeCode } from './reads.ts';
import { deciding, type VerbBase } from './run-verbs.ts';
import { tried } from './tried.ts';

type Joining = (ask: () => Promise<JoinVerdict>) => Promise<JoinVerdict>;

/** The verbs. `joining` remembers when a node asked to join. */
export function openTermVerbs(base: VerbBase, joining: Joining) {
  const { call } = base;
  const by = deciding(base);
  const nodes = { nodes: 'yes' } as const;
  return {
    sweep: (rowsMax) => call(() => sweepRuns(base, rowsMax)),
    prune: (retention, rowsMax) => call(() => prune(base, retention, rowsMax)),
    pause: (kind, key, reason) =>
      call(() => {
        const held = range('holders', key, limits.laneWidthMax);
        const wants = kind === 'lane' ? { ranges: [held], lanes: [key] } : {};
        return by('pause', wants, kind, key, reason);
      }),
    resume: (kind, key) =>
      call(() => {
        const wants = kind === 'lane' ? { lanes: [key] } : {};
        return by('resume', wants, kind, key);
      }),
    setTenant: (change) =>
      call(() => {
        const { tenant } = change;
        const bound = limits.sweepRowsMax + 1;
        const ranges = [
          ...[range('uncounted', tenant, bound), range('last', tenant, bound)],
          range('tenant', tenant, bound),
        ];
        return inSteps(() => by('setTenant', { tenants: [tenant], ranges }, change));
      }),
    join: (card) => joining(() => call(() => by('join', { ...nodes, node: 'yes' }, card))),
    drain: (node) => call(() => by('drain', nodes, node)),
    leave: (node) => call(() => by('leave', nodes, node)),
    recover: (node, evidence, rowsMax) =>
      call(() => {
        const ranges = [range('owner', String(node), Math.min(rowsMax, limits.sweepRowsMax) + 1)];
        return by('recover', { ...nodes, ranges }, node, evidence, rowsMax);
      }),
  } satisfies Partial<Store>;
}

const range = (kind: RangeKind, key: string, max: number) => ({ kind, key, max });

const nothing = { ready: false, stop: false, done: false };

async function sweepRuns(base: VerbBase, rowsMax: number): Promise<Waking<SweepReply>> {
  const { pool, s, busyPatienceMs } = base;
  const look = await tried(busyPatienceMs, () =>
    pool.read((queries) =>
      queries.one<{ readonly next: number | null; readonly inbox: boolean; readonly due: boolean }>(
        `select ${s}.to_sweep() as value`,
      ),
    ),
  );
  const accepted = look.inbox
    ? await base.decider().acceptInbox()
    : { more: false, woken: nothing, dropped: [] };
  for (const why of accepted.dropped) {
    base.log.log('warn', 'a run that was started in a transaction was dropped', { why });
  }
  if (!look.due) {
    const nextDueAt = look.next as WallMs | null;
    const reply = { due: 0, ended: 0, more: accepted.more, nextDueAt };
    return { reply, woken: accepted.woken };
  }
  const bound = Math.min(Math.max(1, rowsMax), limits.sweepRowsMax);
  const kinds = ['due', 'deadline', 'overdue'] as const;
  const ranges = kinds.map((kind) => range(kind, '', bound + 1));
  const { reply, woken } = await deciding(base)('sweep', { ranges }, rowsMax);
  return {
    reply: { ...reply, more: reply.more || accepted.more },
    woken: { ...woken, ready: woken.ready || accepted.woken.ready },
  };
}

async function prune(
  { pool, s, busyPatienceMs }: VerbBase,
  retention: Retention,
  rowsMax: number,
): Promise<{ readonly pruned: number; readonly more: boolean }> {
  const bound = Math.min(Math.max(1, rowsMax), limits.sweepRowsMax);
  return tried(busyPatienceMs, () =>
    pool.write(async (queries) => {
      let room = bound;
      for (const kind of outcomeKinds) {
        const keptMs = retention[kind];
        if (keptMs === null || room === 0) continue;
        room -= await queries.one<number>(`select ${s}.prune_runs($1, $2, $3) as value`, [
          outcomeCode(kind),
          keptMs,
          room,
        ]);
      }
      await queries.script(`select ${s}.prune_rest(${bound})`);
      return { pruned: bound - room, more: room === 0 };
    }),
  );
}
