/**
 * Owns one call of a script in its isolate: a realm, the ways in and out of it, and its end.
 *
 * C1 Code of the script executes only while somebody is in the isolate, one entry after the other:
 *    its beginning, and each delivery of answers. Every entry has what is left of the time as its
 *    limit, so a loop is stopped, and its line known, wherever it stands.
 * C2 An entry is left when nothing executes any more, queued jobs included. Only then the end is
 *    told: nothing of one call is at work in the next one.
 * C3 Whoever waits outside of an entry waits for a grant. Without one, nothing can ever come.
 * C4 Nothing of this process gets into the isolate but functions that take and give texts; their
 *    arguments are checked to be texts, because scripts may try to change how they are sent.
 */
import type IsolatedVm from 'isolated-vm';
import { limits as bounds } from '../../../core/limits.ts';
import type { MonoMs } from '../../../core/time.ts';
import type { Clock } from '../../../ports/clock.ts';
import { asksOpenMax, type VmFault, type VmOrder, type VmSetup, type VmWord } from '../wire.ts';
import { endOf, faultOf, lineIn, stuckFault } from './js-fault.ts';

type Ivm = typeof IsolatedVm;
type Answer = Extract<VmOrder, { order: 'answer' }>;

/** What a call works with. */
export interface JsCallParts {
  readonly ivm: Ivm;
  readonly isolate: IsolatedVm.Isolate;
  readonly around: IsolatedVm.Script;
  readonly script: IsolatedVm.Script;
  readonly setup: VmSetup;
  readonly clock: Clock;
  readonly call: number;
  say(word: VmWord): void;
}

type Turn = (main: unknown, texts?: string) => void;

/** Who asked: the script standing still, or a promise of it. */
type Asker = { readonly settle: (answer: string) => void } | { readonly id: number };

const limitKinds = ['outputValues', 'outputBytes', 'grantCalls'] as const;

/** One call. */
export class JsCall {
  readonly #parts: JsCallParts;
  readonly #end = Promise.withResolvers<VmWord>();
  readonly #asks = new Map<number, Asker>();
  #answers: string[] = [];
  #turn: IsolatedVm.Reference<Turn> | null = null;
  #endsAt = 0 as MonoMs;
  #inside = false;
  #told: string | null = null;
  #lastAsk = 0;
  /** Asks for which the script stands still: V8 cannot stop it meanwhile. */
  #standing = 0;

  constructor(parts: JsCallParts) {
    this.#parts = parts;
  }

  /** Executes the script once, and gives how it ended (C2). Never rejects. */
  async execute(input: string): Promise<VmWord> {
    const { isolate, clock, setup, call } = this.#parts;
    const { timeMs } = setup.limits;
    let context: IsolatedVm.Context | null = null;
    try {
      // No code of the script is at work: these do not hold up the process.
      context = isolate.createContextSync();
      this.#turn = this.#prepare(context, input);
    } catch (error) {
      return this.#failed(error);
    }
    this.#endsAt = (clock.mono() + timeMs) as MonoMs;
    const late = clock.after(timeMs, () => {
      if (!this.#inside || this.#standing > 0) this.#stop({ kind: 'time', message: '' });
    });
    this.#parts.say({ word: 'began', call });
    void this.#begin(context);
    const end = await this.#end.promise;
    late.cancel();
    const clean = this.#asks.size === 0;
    this.#asks.clear();
    if (!isolate.isDisposed) {
      this.#turn.release();
      context.release();
    }
    return end.word === 'failed' ? { ...end, clean: end.clean && clean } : end;
  }

  /** What a grant gave. */
  answer({ ask, ok, text }: Answer): void {
    const asker = this.#asks.get(ask);
    this.#asks.delete(ask);
    if (asker !== undefined) this.#settle(asker, ok, text);
  }

  /** The isolate is disposed of: it ends as soon as nobody is in it. */
  abandon(): void {
    if (!this.#inside) this.#stop({ kind: 'lost', message: 'it was ended' });
  }

  /** What stands around the script, told its bounds before the script has had a turn. */
  #prepare(context: IsolatedVm.Context, input: string): IsolatedVm.Reference<Turn> {
    const { ivm, around, setup } = this.#parts;
    const { limits, grants } = setup;
    const most = {
      values: limits.outputValues,
      chars: limits.outputBytes,
      asks: limits.grantCalls,
      askChars: bounds.scriptGrantBytesMax,
      open: asksOpenMax,
    };
    const tell = (fn: (...texts: unknown[]) => void) => new ivm.Callback(fn, { ignored: true });
    const start = around.runSync(context, { reference: true });
    const ask = new ivm.Reference((name: unknown, text: unknown) => this.#askNow(name, text));
    const turn = start.applySync(
      undefined,
      [
        input,
        JSON.stringify(grants),
        JSON.stringify(most),
        tell((text) => this.#emitted(text)),
        tell((limit, stack) => this.#over(limit, stack)),
        tell((id, name, text) => this.#askLater(id, name, text)),
        tell((text) => {
          if (typeof text === 'string') this.#told ??= text;
        }),
        grants.some(({ sync }) => sync) ? ask : undefined,
      ],
      { result: { reference: true } },
    );
    start.release();
    return turn as IsolatedVm.Reference<Turn>;
  }

  async #begin(context: IsolatedVm.Context): Promise<void> {
    const { script } = this.#parts;
    await this.#enter(async (turn, timeout) => {
      const main = await script.run(context, { reference: true, timeout });
      try {
        const more = { timeout: this.#leftMs(), result: { copy: true } } as const;
        await turn.apply(undefined, [main.derefInto()], more);
      } finally {
        main.release();
      }
    });
  }

  /** C1 */
  async #enter(
    entry: (turn: IsolatedVm.Reference<Turn>, timeout: number) => Promise<unknown>,
  ): Promise<void> {
    if (this.#turn === null) return;
    this.#inside = true;
    try {
      await entry(this.#turn, this.#leftMs());
    } catch (error) {
      this.#inside = false;
      this.#end.resolve(this.#failed(error));
      return;
    }
    this.#inside = false;
    this.#afterEntry();
  }

  /** Behind an entry: what comes next (C2, C3). */
  #afterEntry(): void {
    const { call, setup } = this.#parts;
    if (this.#told !== null) this.#end.resolve(endOf(call, this.#told, setup.file));
    else if (this.#answers.length > 0) this.#deliver();
    else if (this.#asks.size === 0) this.#stop(stuckFault);
  }

  #deliver(): void {
    const texts = `[${this.#answers.join(',')}]`;
    this.#answers = [];
    const result = { copy: true } as const;
    void this.#enter((turn, timeout) =>
      turn.apply(undefined, [undefined, texts], { timeout, result }),
    );
  }

  /** Of its time, in whole milliseconds; 0 would be no limit at all. */
  #leftMs(): number {
    return Math.max(1, Math.ceil(this.#endsAt - this.#parts.clock.mono()));
  }

  #emitted(text: unknown): void {
    if (typeof text !== 'string') return;
    this.#parts.say({ word: 'value', call: this.#parts.call, text });
  }

  #over(limit: unknown, stack: unknown): void {
    const { call, say, setup } = this.#parts;
    const kind = limitKinds.find((one) => one === limit);
    if (kind === undefined) return;
    // At once: the script may catch the error and go on.
    const line = typeof stack === 'string' ? lineIn(stack, setup.file) : undefined;
    say({ word: 'failed', call, fault: { kind, message: '', line }, clean: false });
  }

  #askNow(name: unknown, text: unknown): Promise<string> {
    this.#standing += 1;
    return new Promise((resolve) => {
      const settle = (answer: string): void => {
        this.#standing -= 1;
        resolve(answer);
      };
      this.#ask({ settle }, name, text);
    });
  }

  #askLater(id: unknown, name: unknown, text: unknown): void {
    if (Number.isSafeInteger(id)) this.#ask({ id: Number(id) }, name, text);
  }

  #ask(asker: Asker, name: unknown, text: unknown): void {
    const { call, say } = this.#parts;
    if (typeof name !== 'string' || typeof text !== 'string') {
      this.#settle(asker, false, '"no such call"');
    } else if (this.#asks.size > asksOpenMax || text.length > bounds.scriptGrantBytesMax) {
      // Not what the code around the script sends: somebody has got hold of its way out.
      this.#settle(asker, false, '"too much was asked at once"');
    } else {
      this.#lastAsk += 1;
      this.#asks.set(this.#lastAsk, asker);
      say({ word: 'ask', call, ask: this.#lastAsk, grant: name, text });
    }
  }

  #settle(asker: Asker, ok: boolean, text: string): void {
    const told = ok ? `"ok":true,"value":${text}` : `"ok":false,"message":${text}`;
    if ('settle' in asker) asker.settle(`{${told}}`);
    else {
      this.#answers.push(`{"id":${asker.id},${told}}`);
      if (!this.#inside) this.#deliver();
    }
  }

  #failed(error: unknown): VmWord {
    const { call, setup, isolate } = this.#parts;
    const fault = faultOf(error, setup.file, isolate.isDisposed);
    return { word: 'failed', call, fault, clean: false };
  }

  #stop(fault: VmFault): void {
    this.#end.resolve({ word: 'failed', call: this.#parts.call, fault, clean: false });
  }
}
