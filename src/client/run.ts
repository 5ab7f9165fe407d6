/**
 * Owns the handle of a run: what is done with one that was started, or is known by its id.
 */
import type { Outcome } from '../core/outcome.ts';
import type { StartHow } from '../ports/store-flow.ts';
import type { CallOptions } from './transport.ts';
import type { Run, RunLogLine } from './views.ts';

/** How long to wait for a run. */
export interface WaitOptions extends CallOptions {
  /** After so many ms: `wait.timeout`. The run goes on. Default: no end. */
  readonly timeoutMs?: number | undefined;
}

/** What a cancel did: it had not begun, or its owner is told to stop. */
export interface Cancelled {
  readonly state: 'cancelled' | 'stopping';
}

/** From where a log is followed, and which of its lines. */
export interface LogOptions extends CallOptions {
  /** The `n` of the last line that is known. Default: from the first on. */
  readonly after?: number | undefined;
  /** Lines of this attempt alone. */
  readonly attempt?: number | undefined;
  /** Lines of this level, and of those that are more important. */
  readonly level?: RunLogLine['level'] | undefined;
}

/** What a handle asks of its client. */
export interface RunHost {
  result(id: string, options: WaitOptions): Promise<unknown>;
  outcome(id: string, options: WaitOptions): Promise<Outcome>;
  cancel(id: string, reason: string | undefined, options: CallOptions): Promise<Cancelled>;
  get(id: string, options: CallOptions): Promise<Run | null>;
  followLogs(id: string, options: LogOptions): AsyncGenerator<RunLogLine, Outcome, void>;
}

/** A run. It holds no state: every answer comes from the server. */
export class ClientRun<Output = unknown> {
  readonly id: string;
  /** False if the start met a run that was there already, and for handles by id. */
  readonly created: boolean;
  /**
   * How the start came to this run: it was `created`, or is one with the `same-id`, or one into
   * which it was `debounced`, or one that is `unique`. Null for handles by id.
   */
  readonly how: StartHow | null;
  readonly #runs: RunHost;

  constructor(runs: RunHost, id: string, created: boolean, how: StartHow | null = null) {
    this.#runs = runs;
    this.id = id;
    this.created = created;
    this.how = how;
  }

  /**
   * Waits for the result. Rejects with `run.not_succeeded` (its `details.outcome` says how it
   * ended), `wait.timeout` or `run.not_found`.
   */
  result(options: WaitOptions = {}): Promise<Output> {
    return this.#runs.result(this.id, options) as Promise<Output>;
  }

  /** Waits for the end, whatever it is. */
  outcome(options: WaitOptions = {}): Promise<Outcome> {
    return this.#runs.outcome(this.id, options);
  }

  /** Cancels it; see `Runs.cancel`. */
  cancel(reason?: string, options: CallOptions = {}): Promise<Cancelled> {
    return this.#runs.cancel(this.id, reason, options);
  }

  /** Everything that is kept of it, or null when it was pruned. */
  get(options: CallOptions = {}): Promise<Run | null> {
    return this.#runs.get(this.id, options);
  }

  /** Its log lines as they come; see `Runs.followLogs`. */
  followLogs(options: LogOptions = {}): AsyncGenerator<RunLogLine, Outcome, void> {
    return this.#runs.followLogs(this.id, options);
  }
}
