/**
 * Owns the expression that gives a run in the order of `RunTuple`, from a row of `run_rows`.
 */

const columns = [
  ...['seq', 'id', 'fn', 'lane', 'lane_width', 'tenant', 'priority_seconds', 'tags', 'policy'],
  ...['accepted_at', 'deadline_at', 'retry_of', 'stage', 'attempt', 'fence', 'failures', 'crashes'],
  ...['lane_held', 'tenant_held', 'due_at', 'rank', 'tag', 'wait_key', 'owner', 'started_at'],
  ...['stop_cause', 'stop_reason', 'stop_since', 'overdue_at', 'overdue_cause', 'outcome'],
  ...['finished_at', 'error', 'trace', 'pin'],
];

/** The run behind an alias of `run_rows`, as a JSON array. */
export const runTuple = (alias: string): string =>
  `json_build_array(${columns.map((column) => `${alias}.${column}`).join(', ')})`;
