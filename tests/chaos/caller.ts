/**
 * Owns what one caller of a chaos run does: it starts runs under ids of its own or shared ones,
 * repeats a start whose end it does not know, cancels some, looks at some, and waits for results.
 *
 * K1 Everything is told to the ledger as it was asked and answered. An error of the store is an
 *    unknown end, never a no.
 * K2 A start is repeated with the same id and input until its end is known: then the run is
 *    promised to reach an outcome.
 */
import { type Holdfast, HoldfastError } from 'holdfast';
import type { SeededRandom } from '../../src/testing/index.ts';
import { drive } from './driver.ts';
import { debounced, durable, flowKeys, lanes, unique, type WorkInput } from './functions.ts';
import type { Answer, Ask, Pen, scribe } from './ledger.ts';
import { pause } from './pause.ts';
import { outcomeOf, seenOf } from './words.ts';

/** Where a caller works. */
export interface CallerScene {
  readonly hf: Holdfast;
  readonly pen: Pen;
  readonly random: SeededRandom;
  /** Ids that are promised and whose end this process has not heard of. */
  readonly open: Set<string>;
  /** A fresh id, and the input and function that go with it. */
  next(): { readonly id: string; readonly fn: string; readonly input: WorkInput };
  /** No more is to be begun. */
  readonly stopped: () => boolean;
}

/** Unfinished runs of one process over which it waits instead of starting more. */
const openMax = 200;
const waitMs = 4_000;
const retryMsMax = 400;
const againStepsMax = 15;
const restMsMax = 60;
const cancelReason = 'no longer wanted';

const codes: Readonly<Record<string, Answer>> = {
  'run.conflict': { start: 'conflict' },
  'tenant.full': { start: 'full' },
  'run.already_done': { cancel: 'done' },
  'signal.not_found': { nothing: true },
  'wait.timeout': { nothing: true },
  'approval.already_done': { decided: false },
  'approval.not_found': { decided: false },
};

/** What an error of the runtime stands for. */
export function answerOf(error: unknown): Answer {
  if (!(error instanceof HoldfastError)) return { fault: String(error) };
  if (error.code === 'run.not_succeeded') {
    const { outcome } = error.details as { outcome: Parameters<typeof outcomeOf>[0] };
    return { ...outcomeOf(outcome), result: null };
  }
  return codes[error.code] ?? { fault: `${error.code} ${error.message}` };
}

/** A run to start, from chance: mostly short ones, and enough of everything else. */
export function drawRun(random: SeededRandom, salt: number): { fn: string; input: WorkInput } {
  const lane = random.chance(0.4) ? random.pick(lanes) : null;
  const tenant = random.pick(['free', 'free', 'free', 'middle', 'middle', 'tight']);
  const fn = random.pick([
    ...['quick', 'quick', 'quick', 'slow', 'slow', 'slow', 'slow', 'flaky', 'deaf', 'once'],
    ...['saga', 'saga', 'saga', 'saga', unique, unique, debounced, debounced],
  ]);
  if (fn === unique || fn === debounced) return { fn, input: drawMeeting(random, salt) };
  const short = lane !== null && random.chance(0.8);
  // Not in a lane, which would stand still meanwhile.
  const againSteps = lane === null && fn !== 'flaky' && random.chance(0.5) ? againStepsMax : 0;
  const base = { failures: 0, lane, tenant, salt, againSteps };
  if (durable.includes(fn)) {
    // It keeps its lane while it waits, so most are in none.
    return { fn, input: { ...base, ...pace(0, 0), againSteps: 0, lane: short ? null : lane } };
  }
  if (fn === 'flaky') return { fn, input: { ...base, ...pace(1, 10), failures: random.int(5) } };
  if (fn === 'quick' || short) return { fn, input: { ...base, ...pace(random.int(3), 5) } };
  return { fn, input: { ...base, ...pace(random.between(2, 6), random.between(40, 250)) } };
}

/** A start that meets others of its key. */
const drawMeeting = (random: SeededRandom, salt: number): WorkInput => ({
  ...pace(random.between(1, 4), random.between(20, 150)),
  ...{ failures: 0, lane: null, tenant: 'free', salt, againSteps: 0, key: random.pick(flowKeys) },
});

const pace = (steps: number, stepMs: number) => ({ steps, stepMs });

export class Caller {
  readonly #scene: CallerScene;
  readonly #write: ReturnType<typeof scribe>;
  readonly #driving = new Set<Promise<void>>();

  constructor(scene: CallerScene, write: ReturnType<typeof scribe>) {
    this.#scene = scene;
    this.#write = write;
  }

  /** Works until it is told to stop; what it has begun to start it goes on with. */
  async work(): Promise<void> {
    const { random, open, stopped } = this.#scene;
    while (!stopped()) {
      const [oldest] = open;
      if (open.size >= openMax && oldest !== undefined) await this.#wait(oldest);
      else await this.#start();
      await pause(random.int(restMsMax));
    }
    await Promise.all(this.#driving);
  }

  async #start(): Promise<void> {
    const { random, next, open } = this.#scene;
    const { id, fn, input } = next();
    const answer = await this.#promise(id, fn, input);
    if ('joined' in answer) return;
    open.add(id);
    if (durable.includes(fn)) this.#drive(id, input);
    if (random.chance(0.05)) await this.#tryStart(id, fn, input);
    // A debounced run takes any.
    if (random.chance(0.03) && fn !== debounced) {
      await this.#tryStart(id, fn, { ...input, salt: input.salt + 0.5 });
    }
    if (random.chance(fn === 'deaf' ? 0.5 : 0.12)) await this.#cancel(id);
    for (let reads = random.int(3); reads > 0; reads -= 1) await this.#get(id);
    if (random.chance(0.3)) await this.#wait(id);
    const [oldest] = open;
    if (oldest !== undefined && random.chance(0.3)) await this.#get(oldest);
  }

  #drive(id: string, input: WorkInput): void {
    const { hf, random } = this.#scene;
    const ask = this.#ask.bind(this);
    const driving = drive({ hf, random: random.fork(), id, input, ask });
    this.#driving.add(driving);
    void driving.finally(() => this.#driving.delete(driving));
  }

  /** K2 */
  async #promise(id: string, fn: string, input: WorkInput): Promise<Answer> {
    const { random } = this.#scene;
    for (;;) {
      const answer = await this.#tryStart(id, fn, input);
      if ('start' in answer || 'joined' in answer) return answer;
      await pause(random.between(20, retryMsMax));
    }
  }

  /** Asks once, and gives what came of it. */
  async #ask<Reply>(
    ask: Ask,
    act: () => Promise<Reply>,
    tell: (reply: Reply) => Answer,
  ): Promise<Answer> {
    let answer: Answer = { nothing: true };
    const note = (told: Answer): Answer => {
      answer = told;
      return told;
    };
    await this.#write(ask, act, (reply) => note(tell(reply))).catch((error: unknown) =>
      note(answerOf(error)),
    );
    return answer;
  }

  #tryStart(id: string, fn: string, input: WorkInput): Promise<Answer> {
    const { hf } = this.#scene;
    return this.#ask(
      { verb: 'start', id, fn, input: JSON.stringify(input) },
      () => hf.start(fn, input, { id }),
      ({ id: run, created, how }) =>
        how === 'debounced' || how === 'unique'
          ? { joined: run, how }
          : { start: created ? 'created' : 'known' },
    );
  }

  async #cancel(id: string): Promise<void> {
    const { hf, random } = this.#scene;
    await pause(random.int(600));
    await this.#ask(
      { verb: 'cancel', id },
      () => hf.runs.cancel(id, cancelReason),
      ({ state }) => ({ cancel: state }),
    );
  }

  async #get(id: string): Promise<void> {
    const { hf, open } = this.#scene;
    await this.#ask(
      { verb: 'get', id },
      () => hf.runs.get(id),
      (run) => {
        if (run === null) return { seen: null };
        if (run.status === 'done') open.delete(id);
        const succeeded = run.outcome?.kind === 'succeeded';
        return { seen: seenOf(run, succeeded ? JSON.stringify(run.result) : null) };
      },
    );
  }

  async #wait(id: string): Promise<void> {
    const { hf, open } = this.#scene;
    const answer = await this.#ask(
      { verb: 'result', id },
      () => hf.runs.result(id, { timeoutMs: waitMs }),
      (result) => ({ outcome: 'succeeded', note: null, result: JSON.stringify(result) }),
    );
    if ('outcome' in answer) open.delete(id);
  }
}
