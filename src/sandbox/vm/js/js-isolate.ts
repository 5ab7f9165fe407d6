/**
 * Owns one isolate with one compiled script: each call in a realm of its own.
 *
 * I1 A call begins with a new realm (globals, prototypes, everything) and the isolate is used again
 *    only if the call ended by itself: nothing of one call is there for the next one.
 * I2 The script is compiled once.
 * I3 Nothing of this process gets into the isolate but functions that take and give texts; their
 *    arguments are checked to be texts, because scripts may try to change how they are sent.
 */
import type IsolatedVm from 'isolated-vm';
import type { VmFault, VmOrder, VmSetup, VmWord } from '../wire.ts';
import { jsBootstrap, scriptEnding, scriptOpening } from './bootstrap.ts';

type Ivm = typeof IsolatedVm;
type Run = Extract<VmOrder, { order: 'run' }>;
type Answer = Extract<VmOrder, { order: 'answer' }>;

const mebibyte = 1_048_576;
/** What the realm and what stands around a script need beside the memory of the script. */
const ownMebibytes = 8;

/** What the script says at its end. */
interface Told {
  readonly ok: boolean;
  readonly text?: string | null;
  readonly fault?: {
    readonly name?: string | null;
    readonly message?: string | null;
    readonly stack?: string | null;
    readonly unreadable?: boolean;
  };
}

/** A script that is ready in its isolate. */
export class JsIsolate {
  readonly #ivm: Ivm;
  readonly #setup: VmSetup;
  readonly #say: (word: VmWord) => void;
  readonly #isolate: IsolatedVm.Isolate;
  #script: IsolatedVm.Script | null = null;
  #around: IsolatedVm.Script | null = null;
  #call = 0;
  #asks = new Map<number, (answer: string) => void>();
  #lastAsk = 0;

  /** `doomed`: V8 has lost control over the isolate. */
  constructor(ivm: Ivm, setup: VmSetup, say: (word: VmWord) => void, doomed: () => void) {
    this.#ivm = ivm;
    this.#setup = setup;
    this.#say = say;
    this.#isolate = new ivm.Isolate({
      memoryLimit: Math.ceil(setup.limits.memoryBytes / mebibyte) + ownMebibytes,
      onCatastrophicError: doomed,
    });
  }

  /** Whether it executes a call. */
  get busy(): boolean {
    return this.#call !== 0;
  }

  /** Compiles the script; the fault if it does not. */
  async compile(): Promise<VmFault | null> {
    const { source, file } = this.#setup;
    this.#around = this.#isolate.compileScriptSync(jsBootstrap, { filename: 'holdfast' });
    try {
      // The columns of the first line are those of the source.
      this.#script = await this.#isolate.compileScript(scriptOpening + source + scriptEnding, {
        filename: file,
        columnOffset: -scriptOpening.length,
      });
      return null;
    } catch (error) {
      return this.#isolate.isDisposed ? memory : invalidOf(error, file);
    }
  }

  /** Executes the script once. Says what comes of it; never rejects. */
  async run({ call, input }: Run): Promise<void> {
    this.#call = call;
    let context: IsolatedVm.Context | null = null;
    let end: VmWord;
    try {
      context = this.#isolate.createContextSync();
      end = endOf(call, await this.#execute(context, call, input), this.#setup.file);
    } catch (error) {
      end = { word: 'failed', call, fault: this.#faultOf(error), clean: false };
    }
    const clean = this.#asks.size === 0;
    this.#asks.clear();
    this.#call = 0;
    if (context !== null && !this.#isolate.isDisposed) context.release();
    if (end.word === 'failed') this.#say({ ...end, clean: end.clean && clean });
    else this.#say(end);
  }

  /** What a grant gave. */
  answer({ call, ask, ok, text }: Answer): void {
    if (call !== this.#call) return;
    const settle = this.#asks.get(ask);
    this.#asks.delete(ask);
    settle?.(ok ? `{"ok":true,"value":${text}}` : `{"ok":false,"message":${text}}`);
  }

  /** Ends whatever it does. */
  dispose(): void {
    if (!this.#isolate.isDisposed) this.#isolate.dispose();
  }

  async #execute(context: IsolatedVm.Context, call: number, input: string): Promise<unknown> {
    const { Callback, Reference } = this.#ivm;
    const { limits, grants } = this.#setup;
    if (this.#around === null || this.#script === null) throw new Error('it is not compiled');
    const start = this.#around.runSync(context, { reference: true });
    const main = await this.#script.run(context, { reference: true, timeout: limits.timeMs });
    const tell = (fn: (text: unknown) => void) => new Callback(fn, { ignored: true });
    const ask = new Reference((name: unknown, text: unknown) => this.#ask(call, name, text));
    return start.apply(
      undefined,
      [
        main.derefInto(),
        input,
        JSON.stringify(grants),
        JSON.stringify([limits.outputValues, limits.outputBytes, limits.grantCalls]),
        tell(() => this.#say({ word: 'began', call })),
        tell((text) => {
          if (typeof text === 'string' && call === this.#call) {
            this.#say({ word: 'value', call, text });
          }
        }),
        tell((limit) => this.#over(call, limit)),
        grants.length === 0 ? undefined : ask,
      ],
      { timeout: limits.timeMs, result: { promise: true, copy: true } },
    );
  }

  #ask(call: number, name: unknown, text: unknown): Promise<string> {
    if (typeof name !== 'string' || typeof text !== 'string' || call !== this.#call) {
      return Promise.resolve('{"ok":false,"message":"no such call"}');
    }
    this.#lastAsk += 1;
    const ask = this.#lastAsk;
    return new Promise((resolve) => {
      this.#asks.set(ask, resolve);
      this.#say({ word: 'ask', call, ask, grant: name, text });
    });
  }

  #over(call: number, limit: unknown): void {
    if (call !== this.#call) return;
    const known = limitKinds.find((kind) => kind === limit);
    if (known === undefined) return;
    const fault: VmFault = { kind: known, message: '' };
    this.#say({ word: 'failed', call, fault, clean: false });
  }

  #faultOf(error: unknown): VmFault {
    const { message, stack = '' } = asError(error);
    if (message.includes('memory limit')) return memory;
    if (message.includes('timed out')) {
      return { kind: 'time', message: '', line: lineIn(stack, this.#setup.file) };
    }
    if (this.#isolate.isDisposed) return { kind: 'lost', message: 'it was ended' };
    return { kind: 'threw', message, line: lineIn(stack, this.#setup.file) };
  }
}

const limitKinds = ['outputValues', 'outputBytes', 'grantCalls'] as const;
const memory: VmFault = { kind: 'memory', message: '' };

const asError = (error: unknown): { readonly message: string; readonly stack?: string } =>
  error instanceof Error ? error : { message: String(error) };

/** The first place of the script in a stack. */
function lineIn(stack: string, file: string): number | undefined {
  const at = stack.indexOf(`${file}:`);
  if (at === -1) return undefined;
  const line = Number.parseInt(stack.slice(at + file.length + 1), 10);
  return Number.isInteger(line) && line > 0 ? line : undefined;
}

function invalidOf(error: unknown, file: string): VmFault {
  const { message, stack = '' } = asError(error);
  const text = message.replace(/ \[[^\]]*\]$/, '');
  return { kind: 'invalid', message: text, line: lineIn(`${message}\n${stack}`, file) };
}

/** What the script told at its end; nothing of it is believed beyond its form. */
function endOf(call: number, told: unknown, file: string): VmWord {
  const { ok, text, fault } = parsed(told);
  if (ok && (text === null || typeof text === 'string')) return { word: 'done', call, text };
  const { name, message, stack, unreadable } = fault ?? {};
  // How V8 says that a block does not fit into the limit; uncaught, it is the limit that was met.
  if (message === 'Array buffer allocation failed') {
    const line = typeof stack === 'string' ? lineIn(stack, file) : undefined;
    return { word: 'failed', call, clean: false, fault: { kind: 'memory', message, line } };
  }
  return {
    word: 'failed',
    call,
    clean: true,
    fault: {
      kind: unreadable === true ? 'unreadable' : 'threw',
      message: typeof message === 'string' ? message : 'it gave no result that can be read',
      ...(typeof name === 'string' ? { name } : {}),
      ...(typeof stack === 'string' ? { stack, line: lineIn(stack, file) } : {}),
    },
  };
}

function parsed(told: unknown): Told {
  if (typeof told !== 'string') return { ok: false };
  try {
    const value = JSON.parse(told) as Told | null;
    return value ?? { ok: false };
  } catch {
    return { ok: false };
  }
}
