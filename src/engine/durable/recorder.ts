/**
 * Owns the way of step writes from running attempts to the store.
 *
 * K1 Writes of all attempts of a node share calls. Those of one attempt go in order, one item at a
 *    time.
 * K2 That a step has begun is told only if it goes on for a while, or when something else is told:
 *    most steps are short, and their end says all.
 * K3 A fault of the store is waited out: the same item sent twice is one (`StepWrite` is keyed).
 * K4 State that was declared before is kept first: whoever sees a step sees what was set before it.
 * K5 Who waits for the answer to a signal hears of it at once.
 */
import { isAnswer } from '../../core/durable/signals.ts';
import { HoldfastError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import type { Timer } from '../../ports/clock.ts';
import type { ClaimedRun } from '../../ports/store-runs.ts';
import type { RecordItem, RecordVerdict, StepRow, StepWrite } from '../../ports/store-steps.ts';
import type { Counters } from '../counters.ts';
import { Gather } from '../gather.ts';
import { announce, type World } from '../world.ts';
import type { ChildStarts } from './child-starts.ts';
import { EndlessWaits } from './endless.ts';

/** K2: how long a step is under way before that is told. */
const beginAfterMs = 50;
const callItemsMax = 1_000;
const callCharsMax = 8 * limits.stepBytesMax;
const callsMax = 2;
/** Items that may wait: one of each attempt, far more than slots. */
const waitingMax = 1_000_000;
/** Writes of one item. */
const itemWritesMax = 1_000;
const retryMsMin = 20;
const retryMsMax = 1_000;

/** Sends the items of all attempts of one node. */
export class Recorder {
  readonly world: World;
  readonly counters: Counters;
  /** How the attempts of the node start children. */
  readonly starts: ChildStarts;
  readonly endless = new EndlessWaits();
  readonly #items: Gather<RecordItem, RecordVerdict>;

  constructor(world: World, counters: Counters, starts: ChildStarts) {
    this.world = world;
    this.counters = counters;
    this.starts = starts;
    this.#items = new Gather({
      send: async (items) => {
        const { reply, woken } = await world.store.record(items);
        announce(world, woken);
        for (const [at, { ok }] of reply.entries()) if (ok) counters.steps += endsOf(items[at]);
        // K5
        if (items.some(({ writes }) => writes.some(answersSignal))) world.bus.publish('done');
        return reply;
      },
      itemsMax: callItemsMax,
      weightMax: callCharsMax,
      weigh: ({ writes }) => writes.reduce((sum, write) => sum + charsOf(write), 0),
      waitingMax,
      callsMax,
    });
  }

  send(item: RecordItem): Promise<RecordVerdict> {
    return this.#items.add(item);
  }
}

const answersSignal = ({ does, key }: StepWrite): boolean => does === 'end' && isAnswer(key);

const endsOf = (item: RecordItem | undefined): number =>
  item?.writes.reduce((ends, { does }) => (does === 'end' ? ends + 1 : ends), 0) ?? 0;

const charsOf = (write: StepWrite): number =>
  write.does === 'end' ? (write.end.value?.length ?? 0) : 0;

/** Whoever writes. */
export interface LineHost {
  /** As in `RecordItem`. */
  readonly knows: number;
  /** Null: everything is kept that has to be kept before further writes. */
  stateKept(): Promise<void> | null;
  /** These writes are kept; `steps` and `nth` as in `RecordVerdict`. */
  kept(writes: readonly StepWrite[], steps: readonly (StepRow | null)[], nth: number): void;
  /** Nothing was kept, and nothing will be. */
  refused(verdict: Extract<RecordVerdict, { ok: false }>): void;
  /** A fault that waiting does not mend. */
  broken(error: unknown): void;
}

/** In whose name writes are kept. `pin`: the version of its code, if its run is not pinned yet. */
export type Writer = Pick<ClaimedRun, 'id' | 'seq' | 'fence' | 'attempt' | 'pin'>;

/** The writes of one attempt. */
export class StepLine {
  readonly #recorder: Recorder;
  readonly #run: Omit<Writer, 'pin'>;
  readonly #host: LineHost;
  #waiting: StepWrite[] = [];
  /** Of these, the ones that can wait (K2). */
  #patient = 0;
  #sent: RecordItem | null = null;
  #timer: Timer | null = null;
  #retry: Timer | null = null;
  #retryMs = retryMsMin;
  #pin: string | null;
  #open = true;

  constructor(recorder: Recorder, { pin, ...run }: Writer, host: LineHost) {
    this.#recorder = recorder;
    this.#run = run;
    this.#pin = pin;
    this.#host = host;
  }

  /** The version to which the run is pinned with what is kept next; null: it is pinned. */
  get pin(): string | null {
    return this.#pin;
  }

  /** Something is on its way, beginnings that can wait left out. */
  get busy(): boolean {
    return this.#sent !== null || this.#waiting.length > this.#patient;
  }

  /** A step has begun, which is told some time (K2). */
  begin(write: StepWrite): void {
    if (!this.#open) return;
    this.#waiting.push(write);
    this.#patient += 1;
    this.#timer ??= this.#recorder.world.clock.after(beginAfterMs, () => {
      this.#timer = null;
      if (this.#patient === 0) return;
      this.#patient = 0;
      this.#flush();
    });
  }

  /** Something to be kept, now. The end of a step takes the place of its beginning. */
  put(write: StepWrite): void {
    if (!this.#open) return;
    const at = this.#waiting.findIndex(({ does, key }) => does === 'begin' && key === write.key);
    if (at < 0) {
      this.#waiting.push(write);
    } else {
      this.#waiting[at] = write;
      this.#patient = Math.max(0, this.#patient - 1);
    }
    this.#flush();
  }

  /** Nothing is sent any more, and answers are not heard. */
  close(): void {
    this.#open = false;
    this.#waiting = [];
    this.#patient = 0;
    this.#sent = null;
    this.#timer?.cancel();
    this.#retry?.cancel();
  }

  #flush(): void {
    if (!this.#open || this.#sent !== null || this.#waiting.length === 0) return;
    if (this.#waiting.length === this.#patient) return;
    const { id, seq, fence, attempt } = this.#run;
    const writes = this.#waiting.splice(0, itemWritesMax);
    const pinned = this.#pin === null ? {} : { pin: this.#pin };
    this.#sent = { id, seq, fence, attempt, knows: this.#host.knows, writes, ...pinned };
    this.#patient = 0;
    if (this.#host.stateKept() === null) void this.#send(this.#sent);
    else void this.#sendAfterState(this.#sent);
  }

  /** K4 */
  async #sendAfterState(item: RecordItem): Promise<void> {
    const { clock } = this.#recorder.world;
    for (let kept = this.#host.stateKept(); kept !== null && this.#open; ) {
      await kept;
      kept = this.#host.stateKept();
      // The store failed.
      if (kept !== null) await new Promise<void>((resolve) => clock.after(retryMsMin, resolve));
    }
    if (this.#open) await this.#send(item);
  }

  async #send(item: RecordItem): Promise<void> {
    let verdict: RecordVerdict;
    try {
      verdict = await this.#recorder.send(item);
    } catch (error) {
      this.#failed(item, error);
      return;
    }
    if (!this.#open) return;
    this.#retryMs = retryMsMin;
    if (!verdict.ok) {
      this.#host.refused(verdict);
      return;
    }
    this.#sent = null;
    if (item.writes.some(({ does }) => does !== 'begin')) this.#pin = null;
    this.#flush();
    this.#host.kept(item.writes, verdict.steps, verdict.nth);
  }

  /** K3 */
  #failed(item: RecordItem, error: unknown): void {
    if (!this.#open) return;
    const { counters, world } = this.#recorder;
    counters.storeFaults += 1;
    const code = error instanceof HoldfastError ? error.code : 'internal.defect';
    if (!code.startsWith('store.')) {
      this.#host.broken(error);
      return;
    }
    if (code === 'store.closed') return;
    this.#retry = world.clock.after(this.#retryMs, () => void this.#send(item));
    this.#retryMs = Math.min(this.#retryMs * 2, retryMsMax);
  }
}
