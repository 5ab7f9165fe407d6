/**
 * Owns the time during which this process is one node: from one joining to its end.
 *
 * T1 A tenure that is over never becomes valid again; coming back is a new tenure with a new key.
 */
import type { NodeKey } from '../core/execution/run.ts';

/** One membership. */
export interface Tenure {
  readonly node: NodeKey;
  /** True from the moment on at which nothing may be done in its name any more. */
  over: boolean;
}
