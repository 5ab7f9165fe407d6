/**
 * Owns the code of a call at work: its context, what stands around it, its span.
 *
 * E1 What stands around the code may end before it, such as one that waits for no longer than so.
 *    The call has its answer then, but its code has not settled: it holds slot and places still.
 *    Code that was not begun by then is not begun any more.
 */
import { invalid } from '../../core/check.ts';
import type { Tracing } from '../../ports/tracing.ts';
import { AttemptContext } from '../run-context.ts';
import { isThenable } from './call-errors.ts';
import type { CallRecord } from './call-record.ts';
import { callThrough, type Interceptors } from './interceptors.ts';

/** Who hears how the code of calls goes on. */
export interface CodeEnds {
  returned(call: CallRecord, value: unknown): void;
  threw(call: CallRecord, error: unknown): void;
  /** E1: what stood around it has ended, and the code goes on. */
  left(call: CallRecord, kind: 'succeeded' | 'failed', value: unknown): void;
  /** E1: the code has settled at last. */
  followed(call: CallRecord): void;
}

/** Executes the code of calls. */
export class CallCode {
  readonly #ends: CodeEnds;
  readonly #interceptors: Interceptors;
  readonly #tracing: Tracing | undefined;

  constructor(ends: CodeEnds, interceptors: Interceptors, tracing: Tracing | undefined) {
    this.#ends = ends;
    this.#interceptors = interceptors;
    this.#tracing = tracing;
  }

  /** Never throws. */
  execute(call: CallRecord): void {
    let result: unknown;
    try {
      this.#beginSpan(call);
      const { span } = call;
      result = span === null ? this.#run(call) : span.within(() => this.#run(call));
      if (isThenable(result)) {
        Promise.resolve(result).then(
          (value) => this.#returned(call, value),
          (error: unknown) => this.#threw(call, error),
        );
        return;
      }
    } catch (error) {
      this.#threw(call, error);
      return;
    }
    this.#returned(call, result);
  }

  #run(call: CallRecord): unknown {
    const context = new AttemptContext(call);
    const { run } = call.target;
    const { chain } = this.#interceptors;
    if (chain.length === 0) return run(call.input, context);
    const { args, access, source, values } = call.call;
    const { givenId: id, input } = call;
    const asked = { fn: call.target.name, input, id, args, access, source, values };
    return callThrough(chain, asked, () => {
      if (call.work === 'over') throw invalid('next', call.callId, 'the call is over');
      return this.#within(call, run(call.input, context));
    });
  }

  /** E1. A thenable is asked once only: some begin their work when they are. */
  #within(call: CallRecord, result: unknown): unknown {
    if (!isThenable(result)) return result;
    call.work = 'within';
    const followed = (): void => {
      const left = call.work === 'left';
      call.work = 'alone';
      if (left) this.#ends.followed(call);
    };
    const promise = Promise.resolve(result);
    promise.then(followed, followed);
    return promise;
  }

  #beginSpan(call: CallRecord): void {
    const tracing = this.#tracing;
    if (tracing === undefined || !tracing.on) return;
    call.span = tracing.begin({
      ...{ name: `call ${call.target.name}`, kind: 'internal' },
      attributes: { 'holdfast.function': call.target.name, 'holdfast.call.id': call.callId },
    });
  }

  #returned(call: CallRecord, value: unknown): void {
    if (call.work === 'within') this.#left(call, 'succeeded', value);
    else {
      call.work = 'over';
      this.#ends.returned(call, value);
    }
    call.span?.end(null);
  }

  #threw(call: CallRecord, error: unknown): void {
    if (call.work === 'within') this.#left(call, 'failed', error);
    else {
      call.work = 'over';
      this.#ends.threw(call, error);
    }
    call.span?.end({ code: 'call.failed', message: String(error) });
  }

  #left(call: CallRecord, kind: 'succeeded' | 'failed', value: unknown): void {
    call.work = 'left';
    this.#ends.left(call, kind, value);
  }
}
