/**
 * Owns what a tenant has among the calls of one process: its limit, its share, its place in the
 * fair order.
 */
import { Gate } from '../../core/call/gate.ts';

/** What a tenant may have, and its share. */
export interface CallTenantTerms {
  /** Relative to others, where 1 is the standard. */
  readonly weight: number;
  /** Calls of it that execute at once. */
  readonly runningMax: number;
  /** Calls of it that have not begun. */
  readonly waitingMax: number;
}

/** A tenant with calls. */
export class TenantGate extends Gate {
  readonly terms: CallTenantTerms;
  /** Calls that have not begun, wherever they wait. */
  queued = 0;
  /** Where it stands in the fair order, in turns. */
  turn = 0;

  constructor(key: string, terms: CallTenantTerms) {
    super(key, terms.runningMax);
    this.terms = terms;
  }
}
