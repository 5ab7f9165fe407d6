/**
 * Owns the names of all metrics, what each says, and by what it is split.
 *
 * C1 Names follow the conventions of Prometheus: base units, `_total` for what only grows.
 * C2 Every label has a bounded number of values: none is an id, a lane, a tenant, or what somebody
 *    sent.
 * C3 What is not listed here is not told; docs/reference/metrics.md is this list.
 */

/** What a metric is. */
export interface MetricFacts {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
}

const counter = (help: string, ...labels: string[]): MetricFacts => ({
  ...{ type: 'counter', help, labels },
});
const gauge = (help: string, ...labels: string[]): MetricFacts => ({
  ...{ type: 'gauge', help, labels },
});
const histogram = (help: string, ...labels: string[]): MetricFacts => ({
  ...{ type: 'histogram', help, labels },
});

/** What a runtime tells of itself. */
const ofRuntime = {
  holdfast_build_info: gauge('1; what runs here', 'version', 'node_version', 'store'),
  holdfast_node_state: gauge('1 for the state that the node is in, else 0', 'state'),
  holdfast_slots: gauge('Runs that this process executes at once at most'),
  holdfast_slots_busy: gauge('Slots with a handler in them'),
  holdfast_slots_stuck: gauge('Of these, handlers that ignore that their run is over'),
  holdfast_result_waits: gauge('Runs whose end somebody in this process waits for'),
  holdfast_runs_started_total: counter('Runs accepted through this process'),
  holdfast_runs_claimed_total: counter('Runs that this node was handed'),
  holdfast_runs_ended_total: counter('Outcomes that this node committed', 'outcome'),
  holdfast_attempts_returned_total: counter(
    'Attempts that ended without an outcome: the run went back into the queue, or was parked',
    'why',
  ),
  holdfast_attempt_duration_seconds: histogram(
    'From the call of a handler until its code has settled, however it ended',
    'function',
  ),
  holdfast_start_lag_seconds: histogram(
    'From the acceptance of a run to its first attempt, with the delay that was asked for',
    'function',
  ),
  holdfast_claims_total: counter('Times that this node asked the store for runs'),
  holdfast_wakeups_total: counter('Hints of others that made this node look earlier'),
  holdfast_polls_total: counter('Looks at the store that nobody asked for'),
  holdfast_sweeps_total: counter('Searches for what is due or overdue'),
  holdfast_runs_taken_over_total: counter('Runs taken from nodes that were proven dead'),
  holdfast_leases_lost_total: counter('Times that this node lost its lease and stopped its work'),
  holdfast_late_results_total: counter('Results refused because the run had another owner'),
  holdfast_ends_dropped_total: counter('Ends that were given up: the run is tried again'),
  holdfast_store_faults_total: counter('Calls of the store that failed and were tried again'),
  holdfast_steps_recorded_total: counter('Ends of steps that were kept'),
  holdfast_events_total: counter('Events accepted through this process'),
  holdfast_decisions_total: counter('Decisions accepted through this process'),
  holdfast_signals_total: counter('Signals accepted through this process'),
  holdfast_log_lines_dropped_total: counter('Log lines of runs that were dropped over a bound'),
  holdfast_runs_pruned_total: counter('Finished runs deleted past their retention'),
} as const satisfies Record<string, MetricFacts>;

/** What is told of VMs and threads, by the function whose pool they are in. */
const ofPools = {
  holdfast_vms_live: gauge('VMs and threads that are there or being made', 'function'),
  holdfast_vms_busy: gauge('Of these, those that execute a call', 'function'),
  holdfast_vm_waits: gauge('Calls that wait for a VM or thread', 'function'),
  holdfast_vms_created_total: counter('VMs and threads that were made', 'function'),
  holdfast_vms_discarded_total: counter('VMs and threads that were ended early', 'function'),
  holdfast_vms_poisoned_total: counter(
    'Of these, those that a call left unclean, or that died by themselves',
    'function',
  ),
} as const satisfies Record<string, MetricFacts>;

/** What a runtime tells of its calls. */
const ofCalls = {
  holdfast_calls_live: gauge('Calls that have no answer yet', 'state'),
  holdfast_calls_stuck: gauge('Calls that are over while their code goes on'),
  holdfast_call_lanes: gauge('Lanes that calls hold or wait for'),
  holdfast_call_lanes_quarantined: gauge('Of these, lanes held by code that does not end'),
  holdfast_calls_admitted_total: counter('Calls that were let in'),
  holdfast_calls_refused_total: counter('Calls that were not let in', 'why'),
  holdfast_calls_ended_total: counter('Calls that were answered', 'outcome'),
  holdfast_call_cancels_forced_total: counter('Cancelled calls whose code did not obey in time'),
  holdfast_call_late_results_total: counter('Results that nobody got because the call was over'),
  holdfast_call_duration_seconds: histogram(
    'From the admission of a call to its answer',
    'function',
  ),
} as const satisfies Record<string, MetricFacts>;

/** What is told of the store as a whole. */
const ofStore = {
  holdfast_store_runs: gauge('Unfinished runs of the whole store', 'status'),
  holdfast_store_runs_unhosted: gauge(
    'Unfinished runs that go on with a version of their function that no live node hosts',
  ),
  holdfast_store_runs_kept: gauge('Finished runs that the store keeps still', 'outcome'),
  holdfast_store_look_age_seconds: gauge('How old the figures of the whole store are'),
  holdfast_store_look_duration_seconds: gauge('How long the store took to count its runs'),
  holdfast_store_look_faults_total: counter('Countings of the store that failed'),
  holdfast_postgres_held_seconds: gauge('Age of the oldest transaction that holds dead rows'),
  holdfast_postgres_dead_rows: gauge('Dead rows of the table that has the most'),
  holdfast_postgres_alarm: gauge('1 while the alarm is on, else 0', 'alarm'),
} as const satisfies Record<string, MetricFacts>;

/** What an HTTP server tells of itself. */
const ofHttp = {
  holdfast_http_requests_total: counter('Requests answered', 'route', 'method', 'status'),
  holdfast_http_request_duration_seconds: histogram(
    'Until the answer began; with the wait that was asked for, without the life of a stream',
    'route',
  ),
  holdfast_http_defects_total: counter('Requests that met a defect of holdfast (500)'),
  holdfast_http_requests_open: gauge('Requests under way'),
  holdfast_http_streams_open: gauge('Streams of server-sent events under way'),
} as const satisfies Record<string, MetricFacts>;

/** All metrics, in the order in which they are told. */
export const catalogue = { ...ofRuntime, ...ofPools, ...ofCalls, ...ofStore, ...ofHttp } as const;

/** The name of a metric. */
export type MetricName = keyof typeof catalogue;
