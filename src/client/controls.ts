/**
 * Owns what is looked at and set beside runs: functions, lanes, tenants, nodes, and decisions that
 * runs wait for.
 *
 * C1 Pausing and setting terms may be done twice, and are sent again when an answer is lost. What
 *    says whether something was changed (`resume`), and decisions, are not.
 */
import { at, type Path } from './path.ts';
import type { CallOptions, Transport } from './transport.ts';
import type { FunctionView, LaneView, NodeView, TenantView } from './views.ts';

async function resume(transport: Transport, to: Path, { signal }: CallOptions): Promise<boolean> {
  const ask = { method: 'POST', to, signal } as const;
  const { wasPaused } = await transport.ask<{ readonly wasPaused: boolean }>(ask);
  return wasPaused;
}

function pause(
  transport: Transport,
  to: Path,
  reason: string | undefined,
  { signal }: CallOptions,
): Promise<void> {
  return transport.ask({ method: 'POST', to, body: { reason }, safe: true, signal });
}

/** Functions of a store. */
export class Functions {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Functions that live nodes host, or that are paused. */
  async list({ signal }: CallOptions = {}): Promise<readonly FunctionView[]> {
    const ask = { to: at`/functions`, signal };
    return (await this.#transport.ask<{ functions: readonly FunctionView[] }>(ask)).functions;
  }

  /** Holds back every run of a function that has not begun, on all nodes. */
  async pause(name: string, reason?: string, options: CallOptions = {}): Promise<void> {
    return pause(this.#transport, at`/functions/${name}/pause`, reason, options);
  }

  /** Lets a paused function go on; false if it was not paused. */
  async resume(name: string, options: CallOptions = {}): Promise<boolean> {
    return resume(this.#transport, at`/functions/${name}/resume`, options);
  }
}

/** Lanes of a store. */
export class Lanes {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Lanes that hold or keep back runs, and paused ones: at most 1,000. */
  async list({ signal }: CallOptions = {}): Promise<readonly LaneView[]> {
    const ask = { to: at`/lanes`, signal };
    return (await this.#transport.ask<{ lanes: readonly LaneView[] }>(ask)).lanes;
  }

  /** Lets no further run into the lane. */
  async pause(lane: string, reason?: string, options: CallOptions = {}): Promise<void> {
    return pause(this.#transport, at`/lanes/${lane}/pause`, reason, options);
  }

  /** Lets a paused lane go on; false if it was not paused. */
  async resume(lane: string, options: CallOptions = {}): Promise<boolean> {
    return resume(this.#transport, at`/lanes/${lane}/resume`, options);
  }
}

/** What can be set for a tenant; what is not given stays as it is, null is no limit. */
export interface TenantChange {
  readonly weight?: number | undefined;
  readonly runningMax?: number | null | undefined;
  readonly waitingMax?: number | null | undefined;
}

/** Tenants of a store. */
export class Tenants {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Tenants that have terms, or runs of late: at most 1,000. */
  async list({ signal }: CallOptions = {}): Promise<readonly TenantView[]> {
    const ask = { to: at`/tenants`, signal };
    return (await this.#transport.ask<{ tenants: readonly TenantView[] }>(ask)).tenants;
  }

  /** Sets the terms of a tenant, exact from the moment on at which this resolves. */
  async set(tenant: string, change: TenantChange, { signal }: CallOptions = {}): Promise<void> {
    const to = at`/tenants/${tenant}`;
    return this.#transport.ask({ method: 'PUT', to, body: change, safe: true, signal });
  }
}

/** Nodes of a store. */
export class Nodes {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Nodes that are there, and those that left or died within the last day. */
  async list({ signal }: CallOptions = {}): Promise<readonly NodeView[]> {
    const ask = { to: at`/nodes`, signal };
    return (await this.#transport.ask<{ nodes: readonly NodeView[] }>(ask)).nodes;
  }
}

/** What is said with a decision. */
export interface DecisionOptions extends CallOptions {
  /** Who decides; the run is told. */
  readonly by?: string | undefined;
  /** What the run is given with it. */
  readonly data?: unknown;
}

/** Decisions that runs wait for. The token is enough: no key is asked for. */
export class Approvals {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Lets the run go on that waits under this token. Rejects with `approval.not_found` or
   * `approval.already_done`.
   */
  approve(token: string, options: DecisionOptions = {}): Promise<void> {
    return this.#decide('approved', token, options);
  }

  /** The same, with the other word. */
  reject(token: string, options: DecisionOptions = {}): Promise<void> {
    return this.#decide('rejected', token, options);
  }

  async #decide(state: string, token: string, options: DecisionOptions): Promise<void> {
    const { by, data, signal } = options;
    const to = at`/approvals/${token}`;
    await this.#transport.ask({ method: 'POST', to, body: { state, by, data }, signal });
  }
}
