/**
 * Owns the calls of one process: who is let in, who is next, and the one answer that each gets.
 *
 * B1 Admission asks in this order: is the id in use, does the runtime end, who answers to the name,
 *    may the caller, what do the resolvers say, is there room. A refusal is of its own admission:
 *    it leaves no trace, and no call that is under way learns of it.
 * B2 Whatever happens to a call goes through `transition`. The answer is given before its places
 *    are free, so that it is out before the next call of the lane begins.
 * B3 Ids in use and ids that ended lately are known; both are bounded, and refusals are no part of
 *    them.
 * B4 Code that goes on after its call is over holds its slot and its places. After a while its lane
 *    is in quarantine, which is told and counted.
 * B5 A drain has a bound, at which whatever is left gets its answer.
 */
import type { CallState } from '../../core/call/call.ts';
import { type CallEffects, type CallEvent, callEvents } from '../../core/call/event.ts';
import { Routes } from '../../core/call/routes.ts';
import { Tombstones } from '../../core/call/tombstones.ts';
import { transition } from '../../core/call/transition.ts';
import { HoldfastError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import type { OutcomeKind } from '../../core/outcome.ts';
import type { Timer } from '../../ports/clock.ts';
import type { LogLevel } from '../../ports/log.ts';
import type { Checked } from '../hosted.ts';
import type { FunctionTimes } from '../meters.ts';
import type { World } from '../world.ts';
import { CallCode, type CodeEnds } from './call-code.ts';
import { type CallCounters, type CallGauges, callCountersStart } from './call-counters.ts';
import {
  accessError,
  cancelledError,
  deadlineError,
  drainingError,
  duplicateError,
  endedError,
  errorOf,
  fitting,
  fullError,
  missingError,
} from './call-errors.ts';
import { rateError } from './call-rate.ts';
import { type CallHandle, type CallHost, CallRecord, type CallSink } from './call-record.ts';
import type { CallTarget, PlaceWords } from './call-target.ts';
import { Deadlines } from './deadlines.ts';
import { Interceptors, type Resolver, resolveValues } from './interceptors.ts';
import { LiveCalls } from './live-calls.ts';
import { type PlaceSettings, Places } from './places.ts';
import { type CallFacts, noFacts } from './words.ts';

/** What one runtime's calls are bounded by. */
export interface SwitchboardSettings extends PlaceSettings {
  /** Calls that wait, beside those that have a slot. */
  readonly queueMax: number;
  readonly tombstoneMs: number;
  readonly resolvers: readonly Resolver[];
}

/** What is asked for. */
export interface CallAsk extends PlaceWords {
  readonly name: string;
  /** By which a name with prefixes finds its function. Default: the first of `args`. */
  readonly route?: string;
  readonly input?: unknown;
  /** Makes the input once it is clear that the call is no duplicate; what it throws refuses it. */
  readonly inputOf?: () => unknown;
  readonly id?: string;
  readonly timeoutMs?: number;
  /** What came with it. */
  readonly facts?: Partial<Omit<CallFacts, 'id' | 'prefix' | 'values'>>;
}

/** The calls of one process. */
export class Switchboard implements CallHost, CodeEnds {
  readonly routes = new Routes<CallTarget>();
  readonly interceptors = new Interceptors();
  readonly counters: CallCounters = callCountersStart();
  readonly #world: Pick<World, 'clock' | 'random' | 'log' | 'tracing'>;
  readonly #settings: SwitchboardSettings;
  readonly #times: FunctionTimes;
  readonly #live = new LiveCalls();
  readonly #ids = new Map<string, CallRecord>();
  readonly #tombstones: Tombstones;
  readonly #deadlines: Deadlines;
  readonly #places: Places;
  readonly #code: CallCode;
  #draining = false;
  #pumping = false;
  readonly #drained: (() => void)[] = [];

  constructor(
    world: Pick<World, 'clock' | 'random' | 'log' | 'tracing'>,
    settings: SwitchboardSettings,
    times: FunctionTimes,
  ) {
    this.#world = world;
    this.#settings = settings;
    this.#times = times;
    this.#tombstones = new Tombstones(settings.tombstoneMs, limits.callTombstonesMax);
    this.#deadlines = new Deadlines(world.clock, (call) => this.#due(call));
    this.#places = new Places(world.clock, settings);
    this.#code = new CallCode(this, this.interceptors, world.tracing);
  }

  /** Lets a call in, or says why not (B1). */
  submit(ask: CallAsk, sink: CallSink): CallHandle | HoldfastError {
    const now = this.#world.clock.mono();
    const { id, name } = ask;
    if (id !== undefined) {
      const duplicate = this.#duplicate(id, now);
      if (duplicate !== null) return this.#refuse('duplicates', duplicate);
    }
    if (this.#draining) return this.#refuse('full', drainingError());
    const word = ask.route ?? ask.facts?.args?.[0];
    const found = this.routes.find(name, word);
    if (!found.ok) return this.#refuse('refused', missingError(name, word, found.missing));
    const { target, prefix } = found;
    const { access = null } = ask.facts ?? noFacts;
    const needed = target.terms.access;
    if (access !== null && (access & needed) !== needed) {
      return this.#refuse('refused', accessError(name));
    }
    try {
      return this.#admit(ask, target, prefix, sink, now);
    } catch (error) {
      return this.#refuse('refused', errorOf(error));
    }
  }

  /** Asks the call of an id to stop; false: none is under way, or it may not be cancelled. */
  cancelId(id: string, reason?: unknown): boolean {
    const call = this.#ids.get(id);
    return call === undefined ? false : this.cancel(call, reason);
  }

  /** The call of an id that is under way. */
  find(id: string): CallHandle | null {
    return this.#ids.get(id) ?? null;
  }

  /** What there is right now. Walks over all live calls. */
  gauges(): CallGauges {
    let lanesQuarantined = 0;
    for (const lane of this.#places.lanes()) if (lane.quarantined) lanesQuarantined += 1;
    return {
      ...this.#live.counts(),
      lanes: this.#places.lanesInUse,
      lanesQuarantined,
      tenants: this.#places.tenantsKnown,
      tombstones: this.#tombstones.size,
      deadlines: this.#deadlines.size,
    };
  }

  /** Live calls, the oldest first; at most `max`. */
  list(max: number): readonly CallRecord[] {
    return this.#live.list(max);
  }

  lanes(): ReturnType<Places['lanes']> {
    return this.#places.lanes();
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** B5. Lets nobody in any more. Resolves when all have an answer, `graceMs` at the latest. */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true;
    if (this.#live.unanswered > 0 && graceMs > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#drained.push(resolve);
      const timer: Timer = this.#world.clock.after(graceMs, resolve);
      await promise;
      timer.cancel();
    }
    const left = this.#live.list(Number.POSITIVE_INFINITY);
    // Those in line first: places that become free must not begin what is given up next.
    for (const call of left) if (call.state.status === 'queued') this.giveUp(call);
    for (const call of left) this.giveUp(call);
    this.#deadlines.close();
  }

  newId(): string {
    return this.#world.random.id();
  }

  toWall(mono: number): number {
    const { clock } = this.#world;
    return clock.wall() + (mono - clock.mono());
  }

  cancel(call: CallRecord, reason: unknown): boolean {
    if (call.state.status === 'done') return false;
    call.reason ??= cancelledError(call.target, reason);
    const done = this.#step(call, callEvents.cancel, call.reason);
    if (!done) call.reason = null;
    return done;
  }

  touch(call: CallRecord, ms: number): void {
    const { state } = call;
    if (state.status === 'done' || (state.status !== 'queued' && state.stopping)) return;
    const now = this.#world.clock.mono();
    const latest = call.admittedAt + limits.callTimeoutMsMax;
    const at = Math.min(now + ms, latest);
    if (at <= call.deadlineAt) return;
    call.deadlineAt = at;
    this.#deadlines.set(call, at, now);
  }

  giveUp(call: CallRecord): void {
    if (call.state.status === 'done') return;
    call.reason ??= endedError(call.target);
    this.#step(call, callEvents.giveUp, call.reason);
  }

  answerLater(call: CallRecord, kind: 'succeeded' | 'failed', value: unknown): boolean {
    const open = call.state.status !== 'done';
    this.#step(call, kind === 'succeeded' ? callEvents.succeed : callEvents.fail, value);
    return open;
  }

  /** Whoever hears of it is not the code's concern: what it throws ends nothing. */
  progressed(call: CallRecord, value: unknown): void {
    try {
      call.sink.progressed?.(value);
    } catch (error) {
      this.#world.log.log('error', 'progress could not be told', { error: String(error) });
    }
  }

  log(call: CallRecord, level: LogLevel, message: string, fields: unknown): void {
    const more = { fn: call.target.name, call: call.callId };
    this.#world.log.log(level, message, { ...more, ...(fields === undefined ? {} : { fields }) });
  }

  #duplicate(id: string, now: number): HoldfastError | null {
    const active = this.#ids.has(id);
    if (!active && !this.#tombstones.has(id, now)) return null;
    return duplicateError(id, active);
  }

  #refuse(how: 'full' | 'refused' | 'duplicates', error: HoldfastError): HoldfastError {
    this.counters[how] += 1;
    return error;
  }

  #admit(
    ask: CallAsk,
    target: CallTarget,
    prefix: string | null,
    sink: CallSink,
    now: number,
  ): CallHandle | HoldfastError {
    const { resolvers, slots, queueMax } = this.#settings;
    const came =
      ask.facts === undefined && resolvers.length === 0 ? noFacts : this.#came(ask, resolvers);
    if (this.#live.size >= slots + queueMax) return this.#refuse('full', fullError(queueMax));
    const { read } = target;
    const given = ask.inputOf === undefined ? ask.input : ask.inputOf();
    const checked = read === null ? null : read(given);
    const unchecked = checked === null || checked instanceof Promise;
    const input = unchecked ? given : fitting(target, checked);
    // What was asked so far is not ours, and may itself have called, or ended the runtime.
    const meanwhile = ask.id === undefined ? null : this.#duplicate(ask.id, now);
    if (meanwhile !== null) return this.#refuse('duplicates', meanwhile);
    if (this.#draining) return this.#refuse('full', drainingError());
    const call = new CallRecord(this, target, prefix, ask.id ?? null, input, came, sink, now);
    const standing = checked instanceof Promise ? null : this.#stand(call, ask);
    if (standing instanceof HoldfastError) return this.#refuse('full', standing);
    this.counters.admitted += 1;
    if (ask.id !== undefined) this.#ids.set(ask.id, call);
    this.#live.add(call);
    call.deadlineAt = now + (ask.timeoutMs ?? target.terms.timeoutMs);
    this.#deadlines.set(call, call.deadlineAt, now);
    if (checked instanceof Promise) this.#checkLater(call, ask, checked);
    else if (standing === 'begins') this.#begin(call);
    return call;
  }

  #came(ask: CallAsk, resolvers: readonly Resolver[]): typeof noFacts {
    const came = { ...noFacts, ...ask.facts };
    if (resolvers.length === 0) return came;
    const { name, input = null, id = null } = ask;
    return { ...came, values: resolveValues(resolvers, { fn: name, input, id, ...came }) };
  }

  #stand(call: CallRecord, ask: CallAsk): ReturnType<Places['join']> {
    const { target, input, prefix } = call;
    const place = target.placeOf(input, ask, prefix);
    call.place = place;
    const { rate } = target;
    if (rate === null) return this.#places.join(call);
    const taken = rate.ask(place.tenant, this.#world.clock.mono());
    if (!taken.ok) return rateError(target.name, place.tenant, taken.retryAfterMs);
    const standing = this.#places.join(call);
    if (!(standing instanceof HoldfastError)) rate.use(place.tenant, taken.state);
    return standing;
  }

  /** The input is checked by somebody who takes his time; the call has its id and its deadline. */
  #checkLater(call: CallRecord, ask: CallAsk, checked: Promise<Checked>): void {
    const reject = (error: unknown): void =>
      void this.#step(call, callEvents.reject, errorOf(error));
    checked
      .then((found) => {
        if (call.state.status !== 'queued') return;
        call.input = fitting(call.target, found);
        const standing = this.#stand(call, ask);
        if (standing instanceof HoldfastError) throw standing;
        if (standing === 'begins') this.#begin(call);
      })
      .catch(reject);
  }

  /** The call has its slot. */
  #begin(call: CallRecord): void {
    this.#step(call, callEvents.start, undefined);
    this.#code.execute(call);
  }

  returned(call: CallRecord, value: unknown): void {
    this.#step(call, call.deferred ? callEvents.deferred : callEvents.returned, value);
  }

  threw(call: CallRecord, error: unknown): void {
    this.#step(call, callEvents.threw, error);
  }

  /** A promise of `later` stands, and who was told to stop has the rest of the grace to settle. */
  left(call: CallRecord, kind: 'succeeded' | 'failed', value: unknown): void {
    const { state } = call;
    const obeys = kind === 'failed' && state.status === 'running' && state.stopping;
    const promised = kind === 'succeeded' && call.deferred;
    if (!obeys && !promised) this.answerLater(call, kind, value);
  }

  followed(call: CallRecord): void {
    const { state, deferred, reason } = call;
    const obeyed = state.status === 'running' && !deferred;
    this.#step(call, obeyed ? callEvents.threw : callEvents.deferred, reason);
  }

  /** B2. False: it cannot happen now, and nothing is changed. */
  #step(call: CallRecord, event: CallEvent, value: unknown): boolean {
    const before = call.state;
    const step = transition(before, call.target.terms, event);
    if (!step.ok) return false;
    call.state = step.next;
    this.#perform(call, before, event, step.effects, value);
    return true;
  }

  #perform(
    call: CallRecord,
    before: CallState,
    event: CallEvent,
    effects: CallEffects,
    value: unknown,
  ): void {
    if (effects.answer !== null) this.#answer(call, effects.answer, value);
    if (effects.answer !== null && !effects.lingers) this.#watchEarly(call);
    if (effects.late) this.counters.late += 1;
    if (effects.signal) call.abort(call.reason ?? deadlineError(call.target));
    if (event.type === 'grace-over' && effects.answer !== null) this.counters.cancelsForced += 1;
    if (effects.leave) this.#places.leave(call);
    if (effects.lingers) this.#linger(call, event.type === 'grace-over');
    if (effects.freeSlot) this.#places.freeSlot();
    if (effects.freePlaces) this.#end(call, before);
    if (effects.grace) this.#grace(call);
    if (effects.freeSlot || effects.freePlaces) this.#pump();
  }

  #answer(call: CallRecord, kind: OutcomeKind, value: unknown): void {
    const now = this.#world.clock.mono();
    this.#deadlines.drop(call);
    this.#live.answered();
    this.#count(kind);
    this.#times.of(call.target.name).observe(now - call.admittedAt);
    const { givenId } = call;
    if (givenId !== null) {
      this.#ids.delete(givenId);
      // A rejection leaves no trace: the same id may be sent with a better input.
      if (kind !== 'rejected') this.#tombstones.add(givenId, now);
    }
    try {
      call.sink.answered(kind, this.#told(call, kind, value));
    } catch (error) {
      this.#world.log.log('error', 'an answer could not be given', { error: String(error) });
    }
    if (this.#live.unanswered === 0) for (const one of this.#drained.splice(0)) one();
  }

  /** Its code answered before it settled: it has the rest of its time for that. */
  #watchEarly(call: CallRecord): void {
    const { state } = call;
    if (state.status !== 'done' || !state.lingering) return;
    this.#deadlines.set(call, call.deadlineAt, this.#world.clock.mono());
  }

  /** What whoever waits gets. */
  #told(call: CallRecord, kind: OutcomeKind, value: unknown): unknown {
    if (kind === 'succeeded' || kind === 'failed' || kind === 'rejected') return value;
    if (kind === 'timed-out') {
      call.reason ??= deadlineError(call.target);
      return call.reason;
    }
    return call.reason ?? value;
  }

  #count(kind: OutcomeKind): void {
    const { counters } = this;
    if (kind === 'succeeded') counters.succeeded += 1;
    else if (kind === 'failed') counters.failed += 1;
    else if (kind === 'cancelled') counters.cancelled += 1;
    else if (kind === 'timed-out') counters.timedOut += 1;
    else counters.rejected += 1;
  }

  #grace(call: CallRecord): void {
    const now = this.#world.clock.mono();
    const { graceMs } = call.terms;
    if (graceMs === 0) this.#step(call, callEvents.graceOver, call.reason);
    else this.#deadlines.set(call, Math.min(call.deadlineAt, now + graceMs), now);
  }

  /** B4. Code that had its grace is told of at once, other code when it has not obeyed by then. */
  #linger(call: CallRecord, hadGrace: boolean): void {
    const now = this.#world.clock.mono();
    if (call.lane !== null) call.lane.lingering += 1;
    this.#live.lingers(call);
    if (hadGrace) this.#report(call);
    else this.#deadlines.set(call, now + call.terms.graceMs, now);
  }

  #report(call: CallRecord): void {
    const now = this.#world.clock.mono();
    call.reported = true;
    this.#deadlines.set(call, now + limits.callQuarantineMs, now);
    this.#world.log.log('warn', 'code goes on although its call is over', stuckFields(call));
  }

  #due(call: CallRecord): void {
    const { state } = call;
    if (state.status === 'done') {
      if (!this.#live.isLingering(call)) {
        // It was answered early, and its time is over for its code, too.
        call.abort(deadlineError(call.target));
        this.#linger(call, false);
      } else if (!call.reported) this.#report(call);
      else this.#quarantine(call);
    } else if (state.status !== 'queued' && state.stopping) {
      this.#step(call, callEvents.graceOver, call.reason);
    } else this.#step(call, callEvents.deadlinePassed, undefined);
  }

  #quarantine(call: CallRecord): void {
    const { lane } = call;
    if (lane === null || lane.quarantined) return;
    lane.quarantined = true;
    const message = 'a lane is in quarantine: its code does not end';
    this.#world.log.log('error', message, stuckFields(call));
  }

  /** Nothing is left of it. */
  #end(call: CallRecord, before: CallState): void {
    if (before.status === 'done') {
      this.#deadlines.drop(call);
      const { lane } = call;
      if (this.#live.settled(call) && lane !== null) {
        lane.lingering -= 1;
        if (lane.lingering === 0) lane.quarantined = false;
      }
    }
    this.#live.remove(call);
    this.#places.freePlaces(call);
  }

  /** One after the other, however deep it was called from. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    for (let call = this.#places.next(); call !== null; call = this.#places.next()) {
      this.#begin(call);
    }
    this.#pumping = false;
  }
}

const stuckFields = (call: CallRecord): Readonly<Record<string, unknown>> => ({
  fn: call.target.name,
  call: call.callId,
  lane: call.lane?.key ?? null,
});
