/**
 * Owns the worker processes of `holdfast up`: starts them, starts crashed ones again, and ends
 * them.
 *
 * U1 A worker that ends unasked is started again after a delay that doubles with every crash in a
 *    row up to a cap; a worker that was ready for a while begins anew at the shortest delay.
 * U2 While no worker was ever ready, a worker that ends ends the whole: the mistake is in the app
 *    or in the options, and starting again would hide it.
 * U3 Draining asks every worker once and waits no longer than the grace and a margin; what is still
 *    there is killed, and its runs are taken over as those of any dead node.
 */
import { errorTable, HoldfastError } from '../../core/errors.ts';
import type { MonoMs } from '../../core/time.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { DrainOrder, WorkerReport } from './messages.ts';

const restartDelayMsMin = 500;
const restartDelayMsMax = 30_000;
/** Ready for this long, a worker counts as sound again. */
const soundAfterMs = 60_000;
/** On top of the grace: closing the store and leaving takes a moment. */
const drainMarginMs = 5_000;

/** One worker process, as far as the supervisor sees it. */
export interface WorkerProcess {
  readonly pid: number;
  order(order: DrainOrder): void;
  kill(): void;
}

/** Calls back from a worker process. */
export interface WorkerEvents {
  report(report: WorkerReport): void;
  /** Once, at its end. */
  ended(code: number | null, signal: string | null): void;
}

/** What the supervisor says about its workers, in the order in which it happens. */
export type SupervisorEvent =
  | { readonly event: 'started'; readonly worker: number; readonly pid: number }
  | {
      readonly event: 'ready';
      readonly worker: number;
      readonly pid: number;
      readonly node: string;
      readonly functions: readonly string[];
      readonly slots: number;
      readonly http: string | null;
    }
  | {
      readonly event: 'ended';
      readonly worker: number;
      readonly pid: number;
      readonly code: number | null;
      readonly signal: string | null;
      /** When it is started again, or null when it is not. */
      readonly restartInMs: number | null;
      readonly message: string | null;
    }
  | { readonly event: 'draining'; readonly workers: number; readonly graceMs: number }
  | { readonly event: 'killing'; readonly worker: number; readonly pid: number };

export interface SupervisorOptions {
  readonly workers: number;
  readonly graceMs: number;
  readonly clock: Clock;
  readonly spawn: (worker: number, events: WorkerEvents) => WorkerProcess;
  readonly say: (event: SupervisorEvent) => void;
}

interface Seat {
  readonly worker: number;
  process: WorkerProcess | null;
  refusal: Extract<WorkerReport, { fact: 'refused' }> | null;
  readyAt: MonoMs | null;
  crashes: number;
  restart: Timer | null;
}

/** Supervises until it was told to drain, or until it cannot begin. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #seats: readonly Seat[];
  readonly #done = Promise.withResolvers<number>();
  #everReady = false;
  #stopping: 'no' | 'draining' | 'failed' = 'no';
  #exit = 0;
  #failure: HoldfastError | null = null;
  #deadline: Timer | null = null;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#seats = Array.from({ length: options.workers }, (_, index) => ({
      worker: index + 1,
      process: null,
      refusal: null,
      readyAt: null,
      crashes: 0,
      restart: null,
    }));
  }

  /** Starts the workers. Resolves with the exit code when all have ended; rejects by U2. */
  run(): Promise<number> {
    for (const seat of this.#seats) this.#start(seat);
    return this.#done.promise;
  }

  /** Lets every worker end what it runs. Asked again, kills at once and ends with `exit`. */
  stop(exit: number): void {
    if (this.#stopping !== 'no') {
      this.#exit = exit;
      this.#killAll();
      return;
    }
    this.#stopping = 'draining';
    const { graceMs, say } = this.#options;
    say({ event: 'draining', workers: this.#present().length, graceMs });
    this.#orderAll(graceMs + drainMarginMs);
  }

  #present(): Seat[] {
    return this.#seats.filter((seat) => seat.process !== null);
  }

  #orderAll(patienceMs: number): void {
    for (const seat of this.#seats) {
      seat.restart?.cancel();
      seat.process?.order({ do: 'drain' });
    }
    this.#deadline = this.#options.clock.after(patienceMs, () => {
      if (this.#exit === 0) this.#exit = 1;
      this.#killAll();
    });
    this.#endIfEmpty();
  }

  #killAll(): void {
    for (const { worker, process } of this.#seats) {
      if (process === null) continue;
      this.#options.say({ event: 'killing', worker, pid: process.pid });
      process.kill();
    }
  }

  #start(seat: Seat): void {
    seat.restart = null;
    seat.refusal = null;
    seat.readyAt = null;
    const process = this.#options.spawn(seat.worker, {
      report: (report) => this.#heard(seat, report),
      ended: (code, signal) => this.#ended(seat, code, signal),
    });
    seat.process = process;
    this.#options.say({ event: 'started', worker: seat.worker, pid: process.pid });
  }

  #heard(seat: Seat, report: WorkerReport): void {
    if (report.fact === 'refused') seat.refusal = report;
    if (report.fact !== 'ready' || seat.process === null) return;
    const { fact: event, node, functions, slots, http } = report;
    this.#everReady = true;
    seat.readyAt = this.#options.clock.mono();
    const { worker, process } = seat;
    this.#options.say({ event, worker, pid: process.pid, node, functions, slots, http });
  }

  #ended(seat: Seat, code: number | null, signal: string | null): void {
    const pid = seat.process?.pid ?? 0;
    const message = seat.refusal?.message ?? null;
    seat.process = null;
    const restartInMs = this.#stopping === 'no' && this.#everReady ? this.#delay(seat) : null;
    const { worker } = seat;
    this.#options.say({ event: 'ended', worker, pid, code, signal, restartInMs, message });
    if (restartInMs !== null) {
      seat.restart = this.#options.clock.after(restartInMs, () => this.#start(seat));
    } else if (this.#stopping === 'no') {
      this.#fail(seat, code, signal);
    }
    this.#endIfEmpty();
  }

  #delay(seat: Seat): number {
    const { clock } = this.#options;
    const sound = seat.readyAt !== null && clock.mono() - seat.readyAt >= soundAfterMs;
    seat.crashes = sound ? 1 : seat.crashes + 1;
    return Math.min(restartDelayMsMin * 2 ** (seat.crashes - 1), restartDelayMsMax);
  }

  /** U2: nobody was ever ready. */
  #fail(seat: Seat, code: number | null, signal: string | null): void {
    this.#stopping = 'failed';
    const { refusal } = seat;
    if (refusal === null) {
      const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
      const message = `the worker process ended ${how} before it was ready`;
      this.#failure = new HoldfastError('app.invalid', message, {
        details: { code, signal, todo: 'see its output above; the app module may end the process' },
      });
    } else {
      this.#failure = new HoldfastError(refusal.code, refusal.message, {
        details: refusal.details,
      });
    }
    this.#exit = errorTable[this.#failure.code].exit;
    this.#orderAll(drainMarginMs);
  }

  #endIfEmpty(): void {
    if (this.#stopping === 'no' || this.#present().length > 0) return;
    this.#deadline?.cancel();
    if (this.#failure === null) this.#done.resolve(this.#exit);
    else this.#done.reject(this.#failure);
  }
}
