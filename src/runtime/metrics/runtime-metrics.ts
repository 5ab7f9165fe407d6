/**
 * Owns what a runtime tells of itself and of its store: plain numbers, read when somebody asks.
 *
 * R1 Nothing is done for metrics but when they are asked for: what runs, counts.
 * R2 What happens seldom is there from the beginning, at 0: a first time must show as a change.
 */
import type { Counters } from '../../engine/counters.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Calls } from '../calls/calls.ts';
import { unhostedRuns } from '../pinning.ts';
import type { FunctionPool } from '../resources.ts';
import type { RuntimeStats } from '../stats.ts';
import { packageVersion } from '../version.ts';
import { tellCalls } from './call-metrics.ts';
import type { MetricName } from './catalogue.ts';
import { Exposition } from './exposition.ts';
import { type StoreLook, StoreLooks } from './store-look.ts';

/** Counters that are told as they are. */
const plain = {
  holdfast_runs_started_total: 'started',
  holdfast_runs_claimed_total: 'claimed',
  holdfast_claims_total: 'claims',
  holdfast_wakeups_total: 'wakeUps',
  holdfast_polls_total: 'polls',
  holdfast_sweeps_total: 'sweeps',
  holdfast_runs_taken_over_total: 'takenOver',
  holdfast_leases_lost_total: 'fenced',
  holdfast_late_results_total: 'lateResults',
  holdfast_ends_dropped_total: 'endsDropped',
  holdfast_store_faults_total: 'storeFaults',
  holdfast_steps_recorded_total: 'steps',
  holdfast_events_total: 'events',
  holdfast_decisions_total: 'decisions',
  holdfast_signals_total: 'signals',
  holdfast_log_lines_dropped_total: 'logLinesDropped',
  holdfast_runs_pruned_total: 'pruned',
} as const satisfies Partial<Record<MetricName, keyof Counters>>;

/** Counters of outcomes; what was rejected counts as failed. */
const outcomes = {
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
  'timed-out': 'timedOut',
  lost: 'lost',
} as const satisfies Record<string, keyof Counters>;

const returned = {
  retry: 'retried',
  'handed-back': 'handedBack',
  parked: 'parked',
  diverged: 'diverged',
} as const satisfies Record<string, keyof Counters>;

const states = ['live', 'draining', 'away', 'none'] as const;
const unfinished = ['queued', 'running', 'parked', 'quarantined'] as const;
const kept = ['succeeded', 'failed', 'cancelled', 'timed-out', 'rejected', 'lost'] as const;
const alarms = ['held-snapshot', 'dead-rows'] as const;

/** What the metrics of one runtime are read from. */
export interface MetricSources {
  readonly engine: Engine;
  readonly stats: () => RuntimeStats;
  readonly pools: () => readonly FunctionPool[];
  readonly calls: Calls;
}

/** Metrics of one runtime. */
export class RuntimeMetrics {
  readonly #sources: MetricSources;
  readonly #looks: StoreLooks;

  constructor(sources: MetricSources) {
    this.#sources = sources;
    const { world } = sources.engine;
    this.#looks = new StoreLooks(world.clock, async () => {
      const [counts, alone] = await Promise.all([world.store.counts(), unhostedRuns(world)]);
      return { counts, unhosted: alone.reduce((sum, { unfinished }) => sum + unfinished, 0) };
    });
  }

  /** The text. `store`: with the figures of the whole store, which cost a look at it. */
  async text(store: boolean): Promise<string> {
    const look = store ? await this.#looks.last() : null;
    const page = new Exposition();
    const stats = this.#sources.stats();
    this.#tellNode(page, stats);
    for (const [name, key] of Object.entries(plain))
      page.add(name as keyof typeof plain, stats[key]);
    for (const [outcome, key] of Object.entries(outcomes)) {
      page.add('holdfast_runs_ended_total', stats[key], outcome);
    }
    for (const [why, key] of Object.entries(returned)) {
      page.add('holdfast_attempts_returned_total', stats[key], why);
    }
    const { attempts, lags, calls } = this.#sources.engine.meters;
    for (const [fn, times] of attempts.entries()) {
      page.addTimes('holdfast_attempt_duration_seconds', times, fn);
    }
    for (const [fn, times] of lags.entries())
      page.addTimes('holdfast_start_lag_seconds', times, fn);
    for (const pool of this.#sources.pools()) tellPool(page, pool);
    tellCalls(page, this.#sources.calls.stats(), calls);
    if (store) this.#tellStore(page, look);
    tellServer(page, stats);
    return page.text();
  }

  #tellNode(page: Exposition, { node, slots, running, stuck, waits }: RuntimeStats): void {
    const { kind } = this.#sources.engine.world.store;
    page.add('holdfast_build_info', 1, packageVersion(), process.versions.node, kind);
    for (const state of states) page.add('holdfast_node_state', state === node ? 1 : 0, state);
    page.add('holdfast_slots', slots);
    page.add('holdfast_slots_busy', running);
    page.add('holdfast_slots_stuck', stuck);
    page.add('holdfast_result_waits', waits);
  }

  #tellStore(page: Exposition, look: StoreLook | null): void {
    page.add('holdfast_store_look_faults_total', this.#looks.faults);
    if (look === null) return;
    const { counts, unhosted, ageMs, tookMs } = look;
    page.add('holdfast_store_look_age_seconds', ageMs / 1_000);
    page.add('holdfast_store_look_duration_seconds', tookMs / 1_000);
    for (const status of unfinished) page.add('holdfast_store_runs', counts[status], status);
    page.add('holdfast_store_runs_unhosted', unhosted);
    for (const outcome of kept) page.add('holdfast_store_runs_kept', counts[outcome], outcome);
  }
}

function tellPool(page: Exposition, { fn, ...figures }: FunctionPool): void {
  page.add('holdfast_vms_live', figures.live, fn);
  page.add('holdfast_vms_busy', figures.busy, fn);
  page.add('holdfast_vm_waits', figures.waiting, fn);
  page.add('holdfast_vms_created_total', figures.created, fn);
  page.add('holdfast_vms_discarded_total', figures.discarded, fn);
  page.add('holdfast_vms_poisoned_total', figures.poisoned, fn);
}

function tellServer(page: Exposition, { health }: RuntimeStats): void {
  if (health === null) return;
  page.add('holdfast_postgres_held_seconds', health.heldMs / 1_000);
  page.add('holdfast_postgres_dead_rows', health.deadRows);
  for (const alarm of alarms) {
    const on = health.alarms.some(({ name }) => name === alarm);
    page.add('holdfast_postgres_alarm', on ? 1 : 0, alarm);
  }
}
