/**
 * Owns one VM as the runtime sees it: one call after the other, each with exactly one end.
 *
 * V1 A call ends once: by its own end, by a limit, by its signal, or by the death of its VM.
 * V2 The time of a call begins when its code does, not while it waits for a processor. What is
 *    over its time is ended by force; the engine's own limit comes first, as it knows the line.
 * V3 A VM may execute another call only if the last one ended by itself and left nothing behind:
 *    no limit was met, no grant is unanswered. In all other cases it is ended.
 * V4 Values and calls of grants are counted here again (W3). A VM that says what no VM says is
 *    ended.
 */
import { HoldfastError } from '../../core/errors.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import { scriptError } from './script-error.ts';
import { asksOpenMax, type VmFault, type VmLink, type VmSetup, type VmWord } from './wire.ts';
import { isVmWord } from './word-check.ts';

/** One call of a script. */
export interface ScriptCall {
  /** JSON. */
  readonly input: string;
  readonly signal: AbortSignal | null;
  /** A value that the script emitted, as JSON. What it throws ends the call. */
  onValue(text: string): void;
  /** The script calls a grant with arguments as a JSON array; gives JSON. */
  grant(name: string, text: string): Promise<string>;
}

interface Running {
  readonly id: number;
  readonly call: ScriptCall;
  readonly resolve: (text: string | null) => void;
  readonly reject: (error: unknown) => void;
  readonly onAbort: () => void;
  timer: Timer | null;
  values: number;
  bytes: number;
  asks: number;
  open: number;
}

/** How much later than the engine's own limit the force comes. */
const forceAfterMs = 1_000;

/** How long code may wait for a processor before its VM counts as lost. */
const beginMsMax = 30_000;

const broken: VmFault = { kind: 'lost', message: 'it said what no VM says' };

/** A VM that is ready. */
export class RemoteVm {
  readonly gone: Promise<unknown>;
  readonly #link: VmLink;
  readonly #setup: VmSetup;
  readonly #clock: Clock;
  #running: Running | null = null;
  #lastId = 0;
  #alive = true;

  constructor(link: VmLink, setup: VmSetup, clock: Clock) {
    this.#link = link;
    this.#setup = setup;
    this.#clock = clock;
    link.listen((word) => this.#hear(word));
    link.hold(false);
    this.gone = link.gone.then((fault) => {
      this.#alive = false;
      const lost: VmFault = fault ?? { kind: 'lost', message: 'it has ended' };
      if (this.#running !== null) this.#fail(this.#running, scriptError(this.#setup, lost));
    });
  }

  /** Whether it may execute another call. */
  get alive(): boolean {
    return this.#alive;
  }

  /**
   * Executes the script once and gives what it returned, as JSON, or null for nothing. Rejects with
   * `script.*`, with the reason of the signal, or with what `onValue` threw.
   */
  run(call: ScriptCall): Promise<string | null> {
    const { signal } = call;
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (!this.#alive || this.#running !== null) {
      const message = this.#alive ? 'it is busy' : 'it has ended';
      return Promise.reject(scriptError(this.#setup, { kind: 'lost', message }));
    }
    return new Promise((resolve, reject) => {
      this.#lastId += 1;
      const onAbort = (): void => this.#stop(running, signal?.reason);
      const counts = { values: 0, bytes: 0, asks: 0, open: 0 };
      const timer = this.#clock.after(beginMsMax, () => {
        const message = `it did not begin within ${beginMsMax} ms`;
        this.#stop(running, scriptError(this.#setup, { kind: 'lost', message }));
      });
      const running: Running = {
        ...{ id: this.#lastId, call, resolve, reject, onAbort, timer, ...counts },
      };
      this.#running = running;
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#link.hold(true);
      this.#link.post({ order: 'run', call: running.id, input: call.input });
    });
  }

  /** Ends it, and what it executes with it. */
  async close(): Promise<void> {
    this.#alive = false;
    this.#link.hold(true);
    this.#link.kill();
    await this.gone;
  }

  #hear(word: VmWord): void {
    const running = this.#running;
    if (!isVmWord(word)) {
      if (running === null) this.#kill();
      else this.#stop(running, scriptError(this.#setup, broken));
      return;
    }
    if (running === null || !('call' in word) || word.call !== running.id) return;
    switch (word.word) {
      case 'began':
        this.#armTime(running);
        return;
      case 'value':
        this.#value(running, word.text);
        return;
      case 'ask':
        void this.#answer(running, word);
        return;
      case 'done':
        this.#done(running, word.text);
        return;
      case 'failed':
        if (!word.clean || running.open > 0) this.#kill();
        this.#fail(running, scriptError(this.#setup, word.fault));
        return;
    }
  }

  #armTime(running: Running): void {
    running.timer?.cancel();
    running.timer = this.#clock.after(this.#setup.limits.timeMs + forceAfterMs, () => {
      this.#over(running, 'time');
    });
  }

  #value(running: Running, text: string): void {
    const { outputValues, outputBytes } = this.#setup.limits;
    running.values += 1;
    running.bytes += Buffer.byteLength(text);
    if (running.values > outputValues) this.#over(running, 'outputValues');
    else if (running.bytes > outputBytes) this.#over(running, 'outputBytes');
    else {
      try {
        running.call.onValue(text);
      } catch (error) {
        this.#stop(running, error);
      }
    }
  }

  async #answer(running: Running, word: Extract<VmWord, { word: 'ask' }>): Promise<void> {
    running.asks += 1;
    if (running.asks > this.#setup.limits.grantCalls) {
      this.#over(running, 'grantCalls');
      return;
    }
    // The code around a script keeps to it; one more stands still for its answer.
    if (running.open > asksOpenMax) {
      this.#stop(running, scriptError(this.#setup, broken));
      return;
    }
    running.open += 1;
    const answer = { order: 'answer', call: running.id, ask: word.ask } as const;
    try {
      const text = await running.call.grant(word.grant, word.text);
      if (this.#running === running) this.#link.post({ ...answer, ok: true, text });
    } catch (error) {
      const text = JSON.stringify(error instanceof Error ? error.message : String(error));
      if (this.#running === running) this.#link.post({ ...answer, ok: false, text });
    }
    running.open -= 1;
  }

  #done(running: Running, text: string | null): void {
    const bytes = running.bytes + (text === null ? 0 : Buffer.byteLength(text));
    if (bytes > this.#setup.limits.outputBytes) {
      this.#over(running, 'outputBytes');
      return;
    }
    if (running.open > 0) this.#kill();
    this.#settle(running);
    running.resolve(text);
  }

  #over(running: Running, kind: VmFault['kind']): void {
    this.#stop(running, scriptError(this.#setup, { kind, message: '' }));
  }

  /** Ends the call from outside, and its VM with it. */
  #stop(running: Running, reason: unknown): void {
    this.#kill();
    this.#fail(running, reason);
  }

  #kill(): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#link.kill();
  }

  #fail(running: Running, error: unknown): void {
    if (error instanceof HoldfastError && error.code === 'script.over_limit') this.#kill();
    this.#settle(running);
    running.reject(error);
  }

  #settle(running: Running): void {
    if (this.#running === running) this.#running = null;
    running.timer?.cancel();
    running.call.signal?.removeEventListener('abort', running.onAbort);
    this.#link.hold(false);
  }
}

/** Waits until a VM has compiled its script. Rejects with `script.invalid`, `sandbox.*`. */
export async function openVm(link: VmLink, setup: VmSetup, clock: Clock): Promise<RemoteVm> {
  link.hold(true);
  const first = Promise.withResolvers<VmWord>();
  link.listen(first.resolve);
  const gone = link.gone.then((fault): VmWord => {
    const lost: VmFault = fault ?? { kind: 'lost', message: 'it ended before it had begun' };
    return { word: 'refused', fault: lost };
  });
  const timer = clock.after(beginMsMax, () => {
    const message = `it was not ready within ${beginMsMax} ms`;
    first.resolve({ word: 'refused', fault: { kind: 'lost', message } });
  });
  const word = await Promise.race([first.promise, gone]);
  timer.cancel();
  if (isVmWord(word) && word.word === 'ready') return new RemoteVm(link, setup, clock);
  link.kill();
  throw scriptError(setup, isVmWord(word) && word.word === 'refused' ? word.fault : broken);
}
