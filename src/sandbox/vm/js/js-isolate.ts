/**
 * Owns one isolate with one compiled script: each call in a realm of its own.
 *
 * I1 A call begins with a new realm (globals, prototypes, everything) and the isolate is used again
 *    only if the call ended by itself: nothing of one call is there for the next one.
 * I2 The script is compiled once.
 * I3 It is gone when its code has stopped, and not when it was told to stop: some of what V8 has
 *    built in does not come by where it could be stopped.
 */
import type IsolatedVm from 'isolated-vm';
import type { Clock } from '../../../ports/clock.ts';
import type { VmFault, VmOrder, VmSetup, VmWord } from '../wire.ts';
import { jsBootstrap, scriptEnding, scriptOpening } from './bootstrap.ts';
import { JsCall } from './js-call.ts';
import { invalidOf, memoryFault } from './js-fault.ts';

type Ivm = typeof IsolatedVm;

/** What an isolate needs of its surroundings. */
export interface JsIsolateParts {
  readonly ivm: Ivm;
  readonly setup: VmSetup;
  readonly clock: Clock;
  say(word: VmWord): void;
  /** V8 has lost control over the isolate. */
  doomed(): void;
}

const mebibyte = 1_048_576;
/** What the realm and what stands around a script need beside the memory of the script. */
const ownMebibytes = 8;

/** A script that is ready in its isolate. */
export class JsIsolate {
  readonly #parts: JsIsolateParts;
  readonly #isolate: IsolatedVm.Isolate;
  #script: IsolatedVm.Script | null = null;
  #around: IsolatedVm.Script | null = null;
  #running: { readonly id: number; readonly call: JsCall; readonly over: Promise<void> } | null =
    null;

  constructor(parts: JsIsolateParts) {
    this.#parts = parts;
    const { ivm, setup, doomed } = parts;
    this.#isolate = new ivm.Isolate({
      memoryLimit: Math.ceil(setup.limits.memoryBytes / mebibyte) + ownMebibytes,
      onCatastrophicError: doomed,
    });
  }

  /** Whether it executes a call. */
  get busy(): boolean {
    return this.#running !== null;
  }

  /** Compiles the script; the fault if it does not. */
  async compile(): Promise<VmFault | null> {
    const { source, file } = this.#parts.setup;
    this.#around = this.#isolate.compileScriptSync(jsBootstrap, { filename: 'holdfast' });
    try {
      // The columns of the first line are those of the source.
      this.#script = await this.#isolate.compileScript(scriptOpening + source + scriptEnding, {
        filename: file,
        columnOffset: -scriptOpening.length,
      });
      return null;
    } catch (error) {
      return this.#isolate.isDisposed ? memoryFault : invalidOf(error, file);
    }
  }

  /** Executes the script once. Says what comes of it. */
  run({ call: id, input }: Extract<VmOrder, { order: 'run' }>): void {
    const { ivm, setup, clock, say } = this.#parts;
    if (this.#around === null || this.#script === null) {
      const fault: VmFault = { kind: 'lost', message: 'it is not compiled' };
      say({ word: 'failed', call: id, fault, clean: false });
      return;
    }
    const ready = { isolate: this.#isolate, around: this.#around, script: this.#script };
    const call = new JsCall({ ivm, setup, clock, say, ...ready, call: id });
    const over = call.execute(input).then((end) => {
      this.#running = null;
      say(end);
    });
    this.#running = { id, call, over };
  }

  /** What a grant gave. */
  answer(order: Extract<VmOrder, { order: 'answer' }>): void {
    if (this.#running?.id === order.call) this.#running.call.answer(order);
  }

  /** Ends whatever it does, and waits until that has stopped (I3). */
  async dispose(): Promise<void> {
    if (!this.#isolate.isDisposed) this.#isolate.dispose();
    this.#running?.call.abandon();
    await this.#running?.over;
  }
}
