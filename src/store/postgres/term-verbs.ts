/**
 * Owns the verbs that are not about single runs: time, terms, pauses, nodes.
 *
 * V1 A sweep looks first, without the gate: where nothing is due it costs one small query. Plain
 *    runs that are due are then woken by one function of the schema; the rest is decided.
 */
import { limits } from '../../core/limits.ts';
import { outcomeKinds } from '../../core/outcome.ts';
import type { WallMs } from '../../core/time.ts';
import type { Store, Waking } from '../../ports/store.ts';
import type { JoinVerdict } from '../../ports/store-nodes.ts';
import type { Retention } from '../../ports/store-reads.ts';
import type { SweepReply } from '../../ports/store-runs.ts';
import { closingsMax } from '../verbs/closing.ts';
import { openEventsMax, wantedPathsMax } from '../verbs/events.ts';
import { inSteps } from '../verbs/steps.ts';
import type { RangeKind } from './deciding/loaded.ts';
import { outcomeCode } from './reads.ts';
import { deciding, type VerbBase } from './run-verbs.ts';
import { tried } from './tried.ts';

/** Remembers when a node asked to join. */
export type Joining = (ask: () => Promise<JoinVerdict>) => Promise<JoinVerdict>;

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

/** What a look finds: whether something is due, and whether events have more waits to end. */
interface Look {
  readonly sweep: {
    readonly next: number | null;
    readonly inbox: boolean;
    readonly due: boolean;
  };
  readonly events: boolean;
  /** Somebody's family has to be told of something. */
  readonly closings: boolean;
}

async function sweepRuns(base: VerbBase, rowsMax: number): Promise<Waking<SweepReply>> {
  const looked = await looking(base);
  const { sweep: look, events, closings } = looked;
  const accepted = look.inbox
    ? await base.decider().acceptInbox()
    : { more: false, woken: nothing, dropped: [] };
  for (const why of accepted.dropped) {
    base.log.log('warn', 'a run that was started in a transaction was dropped', { why });
  }
  const bound = Math.min(Math.max(1, rowsMax), limits.sweepRowsMax);
  const woken = look.due ? await wakePlain(base, bound) : 0;
  const more = accepted.more || woken === bound;
  const ready = accepted.woken.ready || woken > 0;
  const left = woken > 0 ? await looking(base) : looked;
  if (!left.sweep.due && !events && !closings) {
    const reply = { due: woken, ended: 0, more, nextDueAt: left.sweep.next as WallMs | null };
    return { reply, woken: { ...accepted.woken, ready } };
  }
  const kinds = ['due', 'deadline', 'overdue'] as const;
  const ranges = kinds.map((kind) => range(kind, '', bound + 1));
  const wants = {
    ...{ ranges, openEvents: openEventsMax, pathsMax: wantedPathsMax },
    ...{ closings: closingsMax, closingRows: bound },
  };
  const decided = await deciding(base)('sweep', wants, rowsMax, bound - woken);
  const { due } = decided.reply;
  return {
    reply: { ...decided.reply, due: due + woken, more: decided.reply.more || more },
    woken: { ...decided.woken, ready: decided.woken.ready || ready },
  };
}

/** Looks without the gate. */
function looking({ pool, s, busyPatienceMs }: VerbBase): Promise<Look> {
  return tried(busyPatienceMs, () =>
    pool.read((queries) =>
      queries.one<Look>(
        `select json_build_object('sweep', ${s}.to_sweep(),
           'events', exists (select 1 from ${s}.events where open = 1),
           'closings', ${s}.closings_left()) as value`,
      ),
    ),
  );
}

/** Wakes what the database may wake by itself; gives how many there were. */
async function wakePlain({ short, s, busyPatienceMs }: VerbBase, bound: number): Promise<number> {
  const { value } = await tried(busyPatienceMs, () =>
    short.ask<number>(`select ${s}.wake_plain($1) as value`, [bound], { flush: 'yes' }),
  );
  return value;
}

/** `more`: others were looked at than those that are gone, and there may be more behind them. */
interface PruneStep {
  readonly gone: number;
  readonly more: boolean;
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
      let more = false;
      for (const kind of outcomeKinds) {
        const keptMs = retention[kind];
        if (keptMs === null || room === 0) continue;
        const text = `select ${s}.prune_step($1, $2, $3) as value`;
        const step = await queries.one<PruneStep>(text, [outcomeCode(kind), keptMs, room]);
        room -= step.gone;
        more ||= step.more;
      }
      const { event: eventsKeptMs = null } = retention;
      if (eventsKeptMs !== null && room > 0) {
        const text = `select ${s}.prune_events($1, $2) as value`;
        room -= await queries.one<number>(text, [eventsKeptMs, room]);
      }
      const looked = await queries.one<number>(`select ${s}.prune_flows($1) as value`, [bound]);
      await queries.script(`select ${s}.prune_rest(${bound})`);
      return { pruned: bound - room, more: more || room === 0 || looked === bound };
    }),
  );
}
