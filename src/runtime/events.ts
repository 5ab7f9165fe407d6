/**
 * Owns what is said to runs from outside: events, and decisions.
 *
 * E1 An event under an id of the caller is told once, however often it is sent.
 * E2 One transaction ends a bounded number of waits; whoever emits goes on until none is left, and
 *    if it dies, every sweep does.
 */
import { checkKey, checkOptions } from '../core/check.ts';
import { HoldfastError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import { sweepAll } from '../engine/world.ts';
import type { Lifeline } from './lifeline.ts';

/** How an event is named, and for whom it is. */
export interface EmitOptions {
  /** Names it among the events of its tenant: sent again, it is one event. Default: a new id. */
  readonly id?: string;
  /** Runs of this tenant hear it. Default `default`. */
  readonly tenant?: string;
}

/** An event that was emitted. */
export interface Emitted {
  readonly id: string;
  /** False: it was there already, with the same name and data. */
  readonly created: boolean;
}

/** Emits one event. */
export async function emitEvent(
  lifeline: Lifeline,
  name: string,
  data: unknown,
  options: EmitOptions,
): Promise<Emitted> {
  checkKey('the name of an event', name, limits.keyCharsMax);
  checkOptions('emit', options, ['id', 'tenant']);
  const { intake, world } = lifeline.ensureOpen().engine;
  const tenant = checkKey('tenant', options.tenant ?? 'default', limits.keyCharsMax);
  const id = checkKey('id', options.id ?? world.random.id(), limits.idCharsMax);
  const text = world.payloads.text(data, limits.eventBytesMax, `the data of '${name}'`);
  const verdict = await intake.events.add({ id, name, tenant, data: text });
  if (!verdict.ok)
    throw new HoldfastError(verdict.code, verdict.message, { details: { id, name } });
  // E2
  if (verdict.more) await sweepAll(world);
  return { id: verdict.id, created: verdict.created };
}

/** What is said with a decision. */
export interface DecisionOptions {
  /** Who decides; the run is told. */
  readonly by?: string;
  /** What the run is given with it. */
  readonly data?: unknown;
  /** Only for a run of this tenant. Default: of any. */
  readonly tenant?: string;
}

/** Decisions that runs wait for. */
export class Approvals {
  readonly #lifeline: Lifeline;

  constructor(lifeline: Lifeline) {
    this.#lifeline = lifeline;
  }

  /**
   * Lets the run go on that waits under this token (`ctx.approval`). Resolves with its id. Rejects
   * with `approval.not_found`, `approval.already_done`, `payload.*`.
   */
  approve(token: string, options: DecisionOptions = {}): Promise<{ readonly runId: string }> {
    return this.#decide('approved', token, options);
  }

  /** The same, with the other word. */
  reject(token: string, options: DecisionOptions = {}): Promise<{ readonly runId: string }> {
    return this.#decide('rejected', token, options);
  }

  async #decide(
    state: 'approved' | 'rejected',
    token: string,
    options: DecisionOptions,
  ): Promise<{ readonly runId: string }> {
    checkKey('the token', token, limits.idCharsMax);
    checkOptions('the decision', options, ['by', 'data', 'tenant']);
    const by = options.by === undefined ? null : checkKey('by', options.by, limits.keyCharsMax);
    const { tenant = null, data = null } = options;
    if (tenant !== null) checkKey('tenant', tenant, limits.keyCharsMax);
    const { intake, world } = this.#lifeline.ensureOpen().engine;
    const said = { state, by, data };
    const value = world.payloads.text(said, limits.eventBytesMax, 'the decision');
    const verdict = await intake.answers.add({ token, tenant, value });
    if (verdict.ok) return { runId: verdict.runId };
    throw new HoldfastError(verdict.code, verdict.message);
  }
}
