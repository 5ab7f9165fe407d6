/**
 * Owns how runs look on the wire: as to users of the library, without what only the store needs.
 *
 * V1 `seq` stays inside: it counts the runs of all tenants.
 * V2 So does the token of a wait: who may read is not who may decide.
 * V3 What the server has no codec for is shown as it is stored; the server needs no keys.
 */
import type { RunView } from '../ports/store-reads.ts';
import type { Run, RunStep, RunSummary } from '../runtime/views.ts';
import { jsonValue } from './json-value.ts';

/** A listed run. */
export function summaryBody({ seq, ...summary }: RunSummary): Omit<RunSummary, 'seq'> {
  return { ...summary, progress: jsonValue(summary.progress) };
}

/** A whole run. */
export function runBody({ seq, ...run }: Run): Omit<Run, 'seq'> {
  const { progress, input, result } = run;
  return {
    ...run,
    progress: jsonValue(progress),
    input: jsonValue(input),
    result: jsonValue(result),
  };
}

/** A step (V2). */
export function stepBody({ token, ...step }: RunStep): Omit<RunStep, 'token'> {
  return { ...step, value: jsonValue(step.value) };
}

/** A run among the facts of an explanation, where progress is text still. */
export function viewBody({ seq, progress, ...view }: RunView): Omit<RunSummary, 'seq'> {
  return { ...view, progress: progress === null ? null : (JSON.parse(progress) as unknown) };
}
