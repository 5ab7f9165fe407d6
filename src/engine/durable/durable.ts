/**
 * Owns the durable part of one attempt: gives the code what is kept, does what is new, and parks
 * the run when nothing but waiting is left.
 *
 * B1 What the code is given is on the disk by then.
 * B2 After its end nothing of the attempt settles, is executed or is written any more.
 * B3 An attempt whose code asks for nothing durable does not have one of these.
 * B4 What to do next is decided by `moveOf` alone; here it is done.
 * B5 A store that loses its last commits in a failover makes no run hang: whoever knows more than
 *    the store hands the run back, and waits are told again when the run is parked.
 */
import { isCaughtUp, moveOf } from '../../core/durable/move.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { EndOfAttempt } from '../../ports/store-runs.ts';
import type { RecordVerdict, StepEnd, StepRow, StepWrite } from '../../ports/store-steps.ts';
import { failureOf } from '../failure.ts';
import { divergedEnd, patienceMsOf } from './divergence.ts';
import type { DurableHost } from './durable-host.ts';
import { Ends } from './ends.ts';
import { type Op, type StepOp, tell, type WaitOp, waitWrite, watchOf } from './ops.ts';
import { missesMax, readAgainMs, StepReader } from './reader.ts';
import { type LineHost, StepLine } from './recorder.ts';
import { StepTries } from './step-tries.ts';

/** The durable part of one attempt. */
export class Durable implements LineHost {
  readonly #host: DurableHost;
  readonly #clock: Clock;
  readonly #line: StepLine;
  readonly #reader: StepReader;
  readonly #ends = new Ends();
  /** What is kept and was not asked for yet. */
  readonly #rows = new Map<string, StepRow>();
  /** Everything that was asked for and not given. */
  readonly #ops = new Map<string, Op>();
  /** Of these, the waits that are waited for now, and the steps under way. */
  readonly #waits = new Set<WaitOp>();
  readonly #steps = new Map<string, StepTries>();
  /** Asked for before what is kept was read; asked for and not begun; tokens to be told. */
  #early: Op[] = [];
  #held: Op[] = [];
  #tokens: WaitOp[] = [];
  #opening = 0;
  #mode: 'working' | 'stopping' | 'leaving' = 'working';
  #stopReason: unknown;
  #read: boolean;
  #reading = false;
  #aside = 0;
  #readAgain = false;
  #misses = 0;
  #patient = true;
  #turn: Timer | null = null;
  #patience: Timer | null = null;
  #wake: Timer | null = null;
  #open = true;

  constructor(host: DurableHost) {
    this.#host = host;
    const { run, recorder } = host;
    this.#clock = recorder.world.clock;
    const pin = run.pin === null ? host.version : null;
    this.#line = new StepLine(recorder, { ...run, pin }, this);
    this.#reader = new StepReader(recorder.world, recorder.counters, run.id);
    // Nobody has owned it before, so nothing is kept of it, but for what it was made with.
    this.#read = run.attempt === 1 && run.retryOf === null;
  }

  /** False: it is over, and nothing settles any more. */
  get isOpen(): boolean {
    return this.#open;
  }

  /** Keys of steps under way. */
  get underWay(): readonly string[] {
    return [...this.#steps.keys()];
  }

  /** The code asks for something. */
  ask(op: Op): void {
    if (!this.#open) return;
    this.#ops.set(op.key, op);
    this.#moved();
    if (this.#read) {
      this.#place(op);
      this.#look();
      return;
    }
    this.#early.push(op);
    if (!this.#reading) void this.#load();
  }

  /** The decision of an approval is waited for from now on. */
  awaitDecision(op: WaitOp): void {
    if (!this.#open || !this.#ops.has(op.key) || op.row?.end !== null) return;
    this.#waits.add(op);
    this.#moved();
  }

  /** `stopping`: the run will end, and clean-up goes on. `leaving`: a later attempt goes on. */
  stop(mode: 'stopping' | 'leaving', reason: unknown): void {
    if (!this.#open || this.#mode === 'leaving') return;
    this.#mode = mode;
    this.#stopReason = reason;
    for (const step of this.#steps.values()) step.stop(reason, mode === 'stopping');
    this.#refuseWaits();
    this.#moved();
    this.#look();
  }

  /** The ownership is over: nothing can be kept any more. */
  cutOff(reason: unknown): void {
    this.#mode = 'leaving';
    this.#line.close();
    for (const step of this.#steps.values()) step.forget(reason);
    this.#moved();
  }

  /** Reads for the code what never changes; meanwhile nothing else is given, begun or parked. */
  async aside<T>(read: () => Promise<T>): Promise<T> {
    if (!this.#open) return new Promise(() => {});
    this.#aside += 1;
    try {
      const found = await read();
      return this.#open ? found : new Promise(() => {});
    } finally {
      this.#aside -= 1;
      if (this.#open) this.#moved();
    }
  }

  /** Nothing more can be given: the attempt ends so. */
  endBy(end: EndOfAttempt): void {
    if (this.#open) this.#host.leave(end);
  }

  /** Somebody may have ended one of its waits. */
  heard(): void {
    if (!this.#open || !this.#read) return;
    const isWaited = (op: Op): boolean =>
      op.kind !== 'step' && op.kind !== 'sleep' && op.row !== null;
    if (this.#ops.values().some(isWaited)) void this.#readEnds();
  }

  /** The handler has returned: an end, if its code did not ask for what is kept. */
  returned(): EndOfAttempt | null {
    if (!this.#open || !this.#read || this.#mode !== 'working') return null;
    const ended = [...this.#rows.values()].filter(({ end }) => end !== null);
    return ended.length === 0 ? null : divergedEnd(ended, [], this.#ends.seen);
  }

  /** B2 */
  close(reason: unknown): void {
    if (!this.#open) return;
    this.#open = false;
    this.#line.close();
    this.#reader.close();
    for (const timer of [this.#turn, this.#patience, this.#wake]) timer?.cancel();
    for (const step of this.#steps.values()) step.forget(reason);
    for (const forgotten of [this.#ops, this.#rows, this.#waits]) forgotten.clear();
    this.#ends.forget();
  }

  // What the line asks and tells.

  get knows(): number {
    return this.#ends.greatest;
  }

  stateKept(): Promise<void> | null {
    return this.#host.stateKept();
  }

  kept(writes: readonly StepWrite[], steps: readonly (StepRow | null)[], nth: number): void {
    let made = nth;
    for (const [at, write] of writes.entries()) {
      const row = steps[at] ?? null;
      if (row !== null) {
        this.#learn(row);
        if (write.does === 'wait') this.#began(row);
        made = Math.max(made, row.end?.nth ?? 0);
      } else if (write.does === 'end') {
        made += 1;
        this.#ends.learn(made, { key: write.key, end: write.end });
      }
    }
    this.#look();
  }

  refused({ code, message }: Extract<RecordVerdict, { ok: false }>): void {
    if (code === 'steps.full') {
      const error = { code, message };
      this.#host.leave({ how: 'failed', error, advice: { kind: 'never' }, chance: 0 });
      return;
    }
    // It has another owner, as the store says of this end too; or the store lost something (B5).
    this.#host.leave({ how: 'handed-back', begun: true });
  }

  broken(error: unknown): void {
    this.#host.leave({ how: 'failed', ...failureOf(error), chance: 0 });
  }

  // What is kept.

  #learn(row: StepRow): void {
    if (row.end !== null) this.#ends.learn(row.end.nth, { key: row.key, end: row.end });
  }

  async #load(): Promise<void> {
    const rows = await this.#rowsAfter(0);
    if (rows === null) return;
    this.#read = true;
    for (const row of rows) {
      this.#rows.set(row.key, row);
      this.#learn(row);
    }
    const early = this.#early;
    this.#early = [];
    for (const op of early) this.#place(op);
    this.#look();
  }

  /** Looks for ends by others. */
  async #readEnds(): Promise<void> {
    this.#readAgain = true;
    if (this.#reading) return;
    while (this.#readAgain) {
      this.#readAgain = false;
      const rows = await this.#rowsAfter(this.#firstOpen() - 1);
      if (rows === null) return;
      for (const row of rows) {
        if (this.#rows.has(row.key)) this.#rows.set(row.key, row);
        this.#learn(row);
      }
    }
    const missing = this.#ends.isMissing;
    this.#misses = missing ? this.#misses + 1 : 0;
    if (this.#misses > missesMax) this.#host.leave({ how: 'handed-back', begun: true });
    else if (missing) this.#clock.after(readAgainMs, () => this.#look());
    else this.#look();
  }

  /** Null: the attempt is over. */
  async #rowsAfter(ord: number): Promise<readonly StepRow[] | null> {
    this.#reading = true;
    try {
      const rows = await this.#reader.read(ord);
      if (rows === null && this.#open) this.#host.leave({ how: 'handed-back', begun: true });
      return rows;
    } catch (error) {
      if (this.#open) this.broken(error);
      return null;
    } finally {
      this.#reading = false;
    }
  }

  /** The `ord` of the first step that others may have ended since it was read. */
  #firstOpen(): number {
    if (this.#rows.size > 0) return 1;
    let first = Number.MAX_SAFE_INTEGER;
    for (const op of this.#ops.values()) {
      if (op.kind !== 'step' && op.row !== null) first = Math.min(first, op.row.ord);
    }
    return first;
  }

  /** Puts what was asked for beside what is kept of it. */
  #place(op: Op): void {
    const row = this.#rows.get(op.key);
    this.#rows.delete(op.key);
    if (op.kind !== 'step') {
      op.row = row ?? null;
      if (op.opened !== null) this.#opening += 1;
      if (row !== undefined && op.opened !== null) this.#tokens.push(op);
      else if (row !== undefined && row.end === null) this.#waits.add(op);
    }
    if (row === undefined || (op.kind === 'step' && row.end === null)) this.#held.push(op);
    const passed = this.#ends.passed(op.key);
    if (passed !== undefined) this.#give(op, passed);
    this.#refuseWaits();
  }

  /** A wait is kept now. */
  #began(row: StepRow): void {
    const op = this.#ops.get(row.key);
    if (op === undefined || op.kind === 'step') return;
    if (row.attempt === this.#host.run.attempt) this.#reader.saw(row.begunAt);
    op.row = row;
    op.writing = false;
    if (op.opened !== null) this.#tokens.push(op);
  }

  // What is done.

  /** The code was given something, or asked for something: it gets its turn. */
  #moved(): void {
    this.#patient = true;
    this.#patience?.cancel();
    this.#patience = null;
    this.#turn ??= this.#clock.turn(() => {
      this.#turn = null;
      this.#look();
    });
  }

  /** B4 */
  #look(): void {
    while (this.#open) {
      this.#tellToken();
      const move = moveOf({
        mode: this.#mode,
        reading: this.#reading || this.#aside > 0 || !this.#read,
        turned: this.#turn === null,
        patient: this.#patient,
        next: this.#ends.next(this.#ops, this.#mode === 'stopping'),
        unasked: this.#rows.size,
        held: this.#held.length,
        opening: this.#opening,
        steps: this.#steps.size,
        writing: this.#line.busy,
        waits: this.#waits.size,
        open: this.#ops.size,
      });
      if (isCaughtUp(move) && this.#cleansUp()) return;
      switch (move) {
        case 'give':
          this.#giveNext();
          break;
        case 'begin':
          this.#begin();
          break;
        case 'read':
          void this.#readEnds();
          return;
        case 'be-patient':
          this.#bePatient();
          return;
        case 'diverge':
          this.#diverge();
          return;
        case 'watch':
          this.#watch(false);
          return;
        case 'park':
          this.#watch(true);
          return;
        case 'leave':
          this.#host.leave(null);
          return;
        case 'rest':
          return;
      }
    }
  }

  #giveNext(): void {
    const next = this.#ends.take();
    const op = next === null ? undefined : this.#ops.get(next.key);
    if (next !== null && op !== undefined) this.#give(op, next.end);
  }

  #give(op: Op, end: StepEnd): void {
    this.#forget(op);
    const unread = tell(op, end, this.#host.recorder.world.payloads);
    if (unread === null) this.#moved();
    else this.#host.leave(unread);
  }

  #tellToken(): void {
    if (this.#turn !== null || this.#mode === 'leaving') return;
    const op = this.#tokens.shift();
    if (op === undefined) return;
    this.#opening -= 1;
    op.opened?.tell(op.row?.wait?.token ?? '');
    op.opened = null;
    this.#moved();
  }

  #forget(op: Op): void {
    this.#ops.delete(op.key);
    this.#held = this.#held.filter((one) => one !== op);
    if (op.kind === 'step') return;
    this.#waits.delete(op);
    if (op.opened !== null) this.#opening -= 1;
    this.#tokens = this.#tokens.filter((one) => one !== op);
  }

  /** While the run is stopping, nothing is waited for any more that is not over. */
  #refuseWaits(): void {
    if (this.#mode !== 'stopping' || !this.#read) return;
    for (const op of [...this.#ops.values()]) {
      if (op.kind === 'step' || (op.row !== null && op.row.end !== null)) continue;
      this.#refuse(op);
    }
  }

  #refuse(op: Op): void {
    this.#forget(op);
    if (op.kind !== 'step') op.opened?.refuse(this.#stopReason);
    op.ear.refuse(this.#stopReason);
  }

  /** True: it cleans up from here on, and what it was about to do is not begun. */
  #cleansUp(): boolean {
    if (this.#host.run.stop === undefined) return false;
    const held = this.#held.splice(0);
    const told = this.#host.caughtUp();
    if (told) for (const op of held) this.#refuse(op);
    else this.#held.push(...held);
    return told;
  }

  #begin(): void {
    const held = this.#held;
    this.#held = [];
    for (const op of held) {
      if (op.kind === 'step') this.#execute(op);
      else if (op.opened !== null) this.#write(op, waitWrite(op, this.#clock.mono()));
      else this.#waits.add(op);
    }
  }

  #execute(op: StepOp): void {
    const step = new StepTries(this.#host.recorder.world, this, op.plan, this.#host.trace);
    this.#steps.set(op.key, step);
    const { key } = op;
    this.#line.begin({ does: 'begin', key, kind: 'step', tries: 1 });
    void step.run().then((done) => {
      this.#steps.delete(key);
      if (!this.#open) return;
      if (done !== null && 'attempt' in done) {
        this.#host.leave(done.attempt);
        return;
      }
      if (done !== null) this.#line.put({ does: 'end', key, kind: 'step', ...done });
      this.#look();
    });
  }

  #write(op: WaitOp, write: StepWrite): void {
    op.writing = true;
    this.#line.put(write);
  }

  #watch(idle: boolean): void {
    const mono = this.#clock.mono();
    const { parks, writes, againMs } = watchOf(this.#waits, mono, this.#reader.now, idle);
    if (parks) {
      this.#park(mono);
      return;
    }
    for (const [op, write] of writes) this.#write(op, write);
    this.#wake?.cancel();
    this.#wake = null;
    if (againMs === Number.POSITIVE_INFINITY) return;
    this.#wake = this.#clock.after(Math.ceil(againMs), () => this.#look());
  }

  #park(mono: number): void {
    const { run, recorder } = this.#host;
    recorder.endless.look(run, this.#waits, recorder.world.log);
    const waits = [...this.#waits].map((op) => waitWrite(op, mono));
    const { pin } = this.#line;
    const pinned = pin === null ? {} : { pin };
    this.#host.leave({ how: 'parked', waits, seen: this.#ends.seen, ...pinned });
  }

  #bePatient(): void {
    this.#patience ??= this.#clock.after(patienceMsOf(this.#host.run), () => {
      this.#patience = null;
      this.#patient = false;
      this.#look();
    });
  }

  #diverge(): void {
    const asked = this.#held.map(({ key }) => key);
    this.#host.leave(divergedEnd([...this.#rows.values()], asked, this.#ends.seen));
  }
}
