/**
 * Owns the following of a run's log lines: those that are there, those that come, and the end.
 *
 * F1 Lines come in order, each once: the reader's last `n` is where it goes on.
 * F2 The end of the run is told after its last line.
 */
import type { HoldfastError } from '../core/errors.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Holdfast } from '../holdfast.ts';
import type { Clock } from '../ports/clock.ts';
import type { LogFilter } from '../ports/store-reads.ts';
import type { EventStream } from './event-stream.ts';
import { errorOf, problemOf } from './problem.ts';

/** Between two looks for further lines: soon after some came, and longer and longer without. */
const lookMsMin = 100;
const lookMsMax = 1_000;
const pageLines = 200;

/** What is followed, for whom. */
export interface LogFollowing {
  readonly hf: Holdfast;
  readonly clock: Clock;
  readonly stream: EventStream;
  readonly id: string;
  /** The `n` of the last line that the reader has. */
  readonly after: number;
  readonly filter: LogFilter;
  /** Aborted when the server drains or the reader is gone. */
  readonly signal: AbortSignal;
  readonly requestId: string;
}

/** Writes lines until the run has ended, the reader is gone or the server drains. Never rejects. */
export async function followLog(following: LogFollowing): Promise<void> {
  const { stream, signal, requestId } = following;
  try {
    const outcome = await lines(following);
    if (outcome !== null) stream.finish({ event: 'end', data: { outcome } });
  } catch (thrown) {
    const error: HoldfastError = errorOf(signal.aborted ? signal.reason : thrown);
    stream.finish({ event: 'problem', data: problemOf(error, requestId) });
  }
}

/** The outcome, once the last line was written; null when the reader is gone. */
async function lines({ hf, clock, stream, id, after, filter, signal }: LogFollowing) {
  let ended: Outcome | null = null;
  let wake = (): void => {};
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const outcome = hf.runs.handle(id).outcome({ signal: either });
  outcome.then(
    (known) => {
      ended = known;
      wake();
    },
    () => wake(),
  );
  try {
    let last = after;
    for (let lookMs = lookMsMin; ; lookMs = Math.min(lookMs * 2, lookMsMax)) {
      signal.throwIfAborted();
      const done: Outcome | null = ended;
      const page = await hf.runs.logs(id, { ...filter, after: last, limit: pageLines });
      for (const line of page.lines) {
        if (!(await stream.send({ event: 'log', id: String(line.n), data: line }))) return null;
        last = line.n;
      }
      if (page.lines.length > 0) lookMs = lookMsMin;
      else if (done !== null) return done;
      else if (!stream.open) return null;
      else {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        const timer = clock.after(lookMs, resolve);
        if (ended === null) await promise;
        timer.cancel();
      }
    }
  } finally {
    over.abort();
  }
}
