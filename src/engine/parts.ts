/**
 * Owns the way of parts from running attempts to the store.
 *
 * P1 Parts of all attempts of a node go in one call, at most one of which is under way: the first
 *    ones at the end of the turn, the next not before `flushEveryMs` have passed or `flushBytes`
 *    are there. So a lone part is out at once, and a crowd shares its commits.
 * P2 What one attempt has sent is sent again, exactly as it was, until it is answered; behind it
 *    the next parts gather. So nothing is kept twice, and nothing is missing in between.
 * P3 An attempt with open parts ends after they were answered: under a closed fence they would be
 *    refused. A store that fails costs parts, never a run: past `closeMsMax` they are given up.
 * P4 Memory is bounded by the attempt: past one bound `emit` says false, past the next it throws.
 *    Of a run that is full only the count of further parts is kept.
 */
import { HoldfastError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import { utf8Bytes } from '../core/payload.ts';
import type { MonoMs } from '../core/time.ts';
import type { Timer } from '../ports/clock.ts';
import type { AppendItem, AppendVerdict, PartData } from '../ports/store-parts.ts';
import type { ClaimedRun } from '../ports/store-runs.ts';
import type { Counters } from './counters.ts';
import { partText } from './part-text.ts';
import type { World } from './world.ts';

const flushEveryMs = 20;
const flushBytes = 65_536;
/** What of a backlog goes in one item: a reader gets it whole. */
const itemChars = 262_144;
const retryMsMin = 20;
const retryMsMax = 1_000;
/** How long the end of an attempt waits for a store that fails. */
const closeMsMax = 10_000;
/** Attempts, and bytes of parts, in one call. */
const callItemsMax = 1_000;
const callBytesMax = 8 * limits.partBytesMax;
/** Brackets and the comma of a block: what a part weighs beside its own text. */
const partExtraBytes = 2;

/** The parts of one attempt that are not answered for. */
export interface Outlet {
  readonly run: ClaimedRun;
  /** JSON texts of parts that wait to be sent; of a full run only their number is kept. */
  texts: string[];
  waiting: number;
  waitingBytes: number;
  /** What was sent and is not answered, to be sent again as it is. */
  sent: AppendItem | null;
  /** Parts that were answered for, and those of `sent`. */
  answered: number;
  full: boolean;
  /** Nothing more is sent: the store has refused it, or the attempt is not ours any more. */
  over: HoldfastError | null;
  /** When the attempt ended, if it has. */
  closedAt: MonoMs | null;
  listed: boolean;
  drains: { readonly upTo: number; readonly done: PromiseWithResolvers<void> }[];
}

/** Gathers parts of all attempts of one node. */
export class Parts {
  readonly #world: World;
  readonly #counters: Counters;
  #open: Outlet[] = [];
  #calling = false;
  #timer: Timer | null = null;
  #planned = false;
  #nextAt: MonoMs;
  #retryMs = retryMsMin;

  constructor(world: World, counters: Counters) {
    this.#world = world;
    this.#counters = counters;
    this.#nextAt = world.clock.mono();
  }

  /** An outlet for an attempt. */
  outletOf(run: ClaimedRun): Outlet {
    return {
      run,
      ...{ texts: [], waiting: 0, waitingBytes: 0, sent: null, answered: 0 },
      ...{ full: false, over: null, closedAt: null, listed: false, drains: [] },
    };
  }

  /**
   * Takes a part. False: many bytes wait by now. Throws `payload.too_large` and `parts.full`; then
   * nothing was taken.
   */
  emit(outlet: Outlet, part: PartData): boolean {
    checkSize(part);
    if (outlet.over !== null) return false;
    const text = outlet.full ? null : partText(part);
    const bytes = text === null ? 0 : utf8Bytes(text) + partExtraBytes;
    const held = outlet.waitingBytes + (outlet.sent?.bytes ?? 0);
    if (held > 0 && held + bytes > limits.partsWaitingBytesMax) {
      const message =
        `${held} bytes of parts wait for the store; ${limits.partsWaitingBytesMax} may: ` +
        'await ctx.emit.drained() when ctx.emit says false';
      throw new HoldfastError('parts.full', message, { details: { bytes: held } });
    }
    if (text !== null) outlet.texts.push(text);
    outlet.waiting += 1;
    outlet.waitingBytes += bytes;
    this.#list(outlet);
    this.#plan(outlet.waitingBytes >= flushBytes);
    return held + bytes < limits.partsWaitingBytes;
  }

  /** Resolves when all that was emitted so far is in the store; rejects if it will not be. */
  drained(outlet: Outlet): Promise<void> {
    if (outlet.over !== null) return Promise.reject(outlet.over);
    if (!isBusy(outlet)) return Promise.resolve();
    const done = Promise.withResolvers<void>();
    const upTo = outlet.answered + (outlet.sent?.count ?? 0) + outlet.waiting;
    outlet.drains.push({ upTo, done });
    return done.promise;
  }

  /** Resolves when every part was answered for or given up; null when none is open (P3). */
  close(outlet: Outlet): Promise<void> | null {
    outlet.closedAt ??= this.#world.clock.mono();
    if (outlet.over !== null || !isBusy(outlet)) return null;
    const all = this.drained(outlet);
    this.#plan(true);
    return all.catch(() => {});
  }

  /** The attempt is not ours any more. */
  giveUp(outlet: Outlet, why: HoldfastError): void {
    if (outlet.over !== null) return;
    outlet.over = why;
    this.#counters.partsLost += outlet.waiting + (outlet.sent?.count ?? 0);
    outlet.sent = null;
    outlet.texts = [];
    outlet.waiting = 0;
    outlet.waitingBytes = 0;
    for (const { done } of outlet.drains.splice(0)) {
      // Whoever does not look at it has nothing to hear.
      done.promise.catch(() => {});
      done.reject(why);
    }
  }

  #list(outlet: Outlet): void {
    if (outlet.listed) return;
    outlet.listed = true;
    this.#open.push(outlet);
  }

  /** P1. `now`: without waiting for the next moment. */
  #plan(now: boolean): void {
    if (this.#calling || this.#planned || this.#open.length === 0) return;
    const { clock } = this.#world;
    const retrying = this.#retryMs > retryMsMin;
    const waitMs = now && !retrying ? 0 : this.#nextAt - clock.mono();
    if (waitMs <= 0) {
      this.#timer?.cancel();
      this.#timer = null;
      this.#planned = true;
      queueMicrotask(() => {
        this.#planned = false;
        void this.#flush();
      });
    } else if (this.#timer === null) {
      this.#timer = clock.after(waitMs, () => {
        this.#timer = null;
        void this.#flush();
      });
    }
  }

  /** Never rejects. */
  async #flush(): Promise<void> {
    if (this.#calling) return;
    const outlets = this.#take();
    if (outlets.length === 0) return;
    const { clock, store, bus } = this.#world;
    this.#calling = true;
    this.#nextAt = (clock.mono() + flushEveryMs) as MonoMs;
    const items = outlets.map(({ item }) => item);
    try {
      const verdicts = await store.append(items);
      this.#retryMs = retryMsMin;
      for (const [at, { outlet, item }] of outlets.entries()) {
        this.#answered(outlet, item, verdicts[at]);
      }
      bus.publish('parts');
    } catch (error) {
      this.#failed(error, outlets);
    }
    this.#calling = false;
    for (const { outlet } of outlets) if (isBusy(outlet)) this.#list(outlet);
    const eager = this.#open.some(
      ({ waitingBytes, closedAt }) => waitingBytes >= flushBytes || closedAt !== null,
    );
    this.#plan(eager);
  }

  /** What goes next, for each attempt one item: as it was, where it was sent before (P2). */
  #take(): { readonly outlet: Outlet; readonly item: AppendItem }[] {
    const taken: { readonly outlet: Outlet; readonly item: AppendItem }[] = [];
    let bytes = 0;
    let looked = 0;
    for (const outlet of this.#open) {
      if (taken.length >= callItemsMax || bytes >= callBytesMax) break;
      looked += 1;
      outlet.listed = false;
      outlet.sent ??= itemOf(outlet);
      if (outlet.sent === null) continue;
      bytes += outlet.sent.bytes;
      taken.push({ outlet, item: outlet.sent });
    }
    this.#open.splice(0, looked);
    return taken;
  }

  #answered(outlet: Outlet, item: AppendItem, verdict: AppendVerdict | undefined): void {
    if (outlet.over !== null) return;
    if (verdict === undefined || !verdict.ok) {
      const code = verdict?.code ?? 'parts.gap';
      const why = verdict?.message ?? 'the store did not answer for it';
      const { id } = outlet.run;
      const level = code === 'parts.gap' ? 'error' : 'debug';
      this.#world.log.log(level, 'parts were refused', { run: id, code, why });
      this.giveUp(outlet, new HoldfastError('attempt.over', `parts were refused: ${why}`));
      return;
    }
    outlet.sent = null;
    outlet.answered += item.count;
    if (!verdict.truncated) this.#counters.partsKept += item.count;
    else {
      this.#counters.partsDropped += item.count;
      if (!outlet.full) this.#nowFull(outlet);
    }
    while (outlet.drains[0] !== undefined && outlet.drains[0].upTo <= outlet.answered) {
      outlet.drains.shift()?.done.resolve();
    }
  }

  /** P4 */
  #nowFull(outlet: Outlet): void {
    outlet.full = true;
    outlet.texts = [];
    outlet.waitingBytes = 0;
    const { id, fn } = outlet.run;
    const message = `the parts of a run of '${fn}' are over their bound; further ones are dropped`;
    this.#world.log.log('warn', message, { run: id, bytesMax: limits.partsBytesMax });
  }

  #failed(error: unknown, outlets: readonly { readonly outlet: Outlet }[]): void {
    this.#counters.storeFaults += 1;
    const { clock, log } = this.#world;
    const now = clock.mono();
    const closed = error instanceof HoldfastError && error.code === 'store.closed';
    for (const { outlet } of outlets) {
      const late = outlet.closedAt !== null && now - outlet.closedAt >= closeMsMax;
      if (!closed && !late) continue;
      log.log('warn', 'parts are lost: the store failed', { run: outlet.run.id });
      this.giveUp(outlet, new HoldfastError('attempt.over', 'the store failed for too long'));
    }
    this.#nextAt = (now + this.#retryMs) as MonoMs;
    this.#retryMs = Math.min(this.#retryMs * 2, retryMsMax);
  }
}

const isBusy = ({ sent, waiting }: Outlet): boolean => sent !== null || waiting > 0;

/** The waiting parts as one item, or as many of them as one should hold; null: there are none. */
function itemOf(outlet: Outlet): AppendItem | null {
  if (outlet.waiting === 0) return null;
  const { id, seq, fence, attempt } = outlet.run;
  const base = { id, seq, fence, attempt, from: outlet.answered };
  if (outlet.full) {
    const count = outlet.waiting;
    outlet.waiting = 0;
    return { ...base, count, content: null, bytes: 0 };
  }
  let count = 0;
  let chars = 0;
  for (const text of outlet.texts) {
    if (count > 0 && chars + text.length > itemChars) break;
    chars += text.length;
    count += 1;
  }
  const texts = outlet.texts.splice(0, count);
  const content = `[${texts.join(',')}]`;
  outlet.waiting -= count;
  for (const text of texts) outlet.waitingBytes -= utf8Bytes(text) + partExtraBytes;
  return { ...base, count, content, bytes: utf8Bytes(content) };
}

function checkSize(part: PartData): void {
  const bytes = typeof part === 'string' ? utf8Bytes(part) : part.byteLength;
  if (bytes <= limits.partBytesMax) return;
  const message = `a part has ${bytes} bytes; ${limits.partBytesMax} are allowed: cut it`;
  throw new HoldfastError('payload.too_large', message, {
    details: { bytes, bytesMax: limits.partBytesMax },
  });
}
