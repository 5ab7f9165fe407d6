/**
 * Owns how calls look to whoever looks at them.
 */
import type { CallStatus } from '../../core/call/call.ts';
import type { Gate } from '../../core/call/gate.ts';
import type { CallCounters, CallGauges } from '../../engine/calls/call-counters.ts';
import type { CallRecord } from '../../engine/calls/call-record.ts';

/** One live call. */
export interface CallView {
  readonly id: string;
  readonly fn: string;
  /** `done`: it is over, but its code goes on. */
  readonly status: CallStatus;
  /** It was told to stop. */
  readonly stopping: boolean;
  readonly lane: string | null;
  readonly tenant: string | null;
  /** Since its admission. */
  readonly ageMs: number;
}

/** One lane that somebody holds or waits for. */
export interface CallLaneView {
  readonly lane: string;
  readonly holding: number;
  readonly waiting: number;
  readonly quarantined: boolean;
}

/** What a runtime counts about its calls, and what there is right now. */
export interface CallStats extends Readonly<CallCounters>, CallGauges {
  readonly slots: number;
  readonly queueMax: number;
}

export function callView(call: CallRecord, nowMs: number): CallView {
  const { state, target, place } = call;
  return {
    id: call.callId,
    fn: target.name,
    status: state.status,
    stopping: 'stopping' in state && state.stopping,
    lane: place?.lane ?? null,
    tenant: place?.tenant ?? null,
    ageMs: Math.max(0, nowMs - call.admittedAt),
  };
}

export const laneView = ({ key, held, waiting, quarantined }: Gate): CallLaneView => ({
  lane: key,
  holding: held,
  waiting,
  quarantined,
});
