/** Owns the telling of what a runtime knows of its calls. */
import type { FunctionTimes } from '../../engine/meters.ts';
import type { CallStats } from '../calls/call-views.ts';
import type { Exposition } from './exposition.ts';

const states = { queued: 'queued', running: 'running', awaiting: 'awaiting-result' } as const;

const outcomes = {
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
  timedOut: 'timed-out',
  rejected: 'rejected',
} as const;

const refusals = { full: 'full', refused: 'other', duplicates: 'duplicate' } as const;

/** Adds everything about calls to a page. */
export function tellCalls(page: Exposition, stats: CallStats, times: FunctionTimes): void {
  for (const [key, state] of Object.entries(states)) {
    page.add('holdfast_calls_live', stats[key as keyof typeof states], state);
  }
  page.add('holdfast_calls_stuck', stats.stuck);
  page.add('holdfast_call_lanes', stats.lanes);
  page.add('holdfast_call_lanes_quarantined', stats.lanesQuarantined);
  page.add('holdfast_calls_admitted_total', stats.admitted);
  for (const [key, why] of Object.entries(refusals)) {
    page.add('holdfast_calls_refused_total', stats[key as keyof typeof refusals], why);
  }
  for (const [key, outcome] of Object.entries(outcomes)) {
    page.add('holdfast_calls_ended_total', stats[key as keyof typeof outcomes], outcome);
  }
  page.add('holdfast_call_cancels_forced_total', stats.cancelsForced);
  page.add('holdfast_call_late_results_total', stats.late);
  for (const [fn, one] of times.entries()) {
    page.addTimes('holdfast_call_duration_seconds', one, fn);
  }
}
