/**
 * Owns what is said to one run from outside, and how its answer comes back.
 *
 * S1 What the definition says about a signal is checked here: its name by whatever is known of the
 *    function, its data where the definition is at hand. What depends on the run is decided by the
 *    store, in the transaction that keeps the signal.
 * S2 A signal under an id of the caller is one, however often it is sent.
 */
import { checkKey, checkNumber, checkOptions } from '../core/check.ts';
import { HoldfastError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { Payloads } from '../core/payload.ts';
import { type Said, unknownSignal } from '../engine/durable/signals.ts';
import { checkBy } from '../engine/schema.ts';
import type { World } from '../engine/world.ts';
import type { SignalStand } from '../ports/store-signals.ts';
import type { Lifeline } from './lifeline.ts';
import type { Registry } from './registry.ts';
import type { WaitOptions } from './run-handle.ts';

/** How a signal is named. */
export interface SignalOptions {
  /** Names it among the signals to the run: sent again, it is one signal. Default: a new id. */
  readonly id?: string;
}

/** What became of a signal. `unanswered`: the run ended without a word about it. */
export type SignalAnswer =
  | { readonly state: 'accepted'; readonly value: unknown }
  | { readonly state: 'refused'; readonly reason: string }
  | { readonly state: 'unanswered' };

/** A signal that the run will be given. */
export interface SentSignal {
  readonly id: string;
  /** False: it was there already, with the same name and data. */
  readonly created: boolean;
  /**
   * Waits for what the run says about it. Rejects with `wait.timeout`; the signal stays, and can be
   * asked for again: `hf.runs.answer(run, id)`.
   */
  answer(options?: WaitOptions): Promise<SignalAnswer>;
}

/** A value that a run declared of itself (`ctx.state.set`). */
export interface DeclaredValue {
  readonly name: string;
  readonly value: unknown;
  /** The attempt that set it, and when. */
  readonly attempt: number;
  readonly at: number;
}

/** Sends one signal. */
export async function sendSignal(
  lifeline: Lifeline,
  registry: Registry,
  runId: string,
  name: string,
  data: unknown,
  options: SignalOptions,
): Promise<SentSignal> {
  checkKey('the id of the run', runId, limits.idCharsMax);
  checkKey('the name of a signal', name, limits.keyCharsMax);
  checkOptions('signal', options, ['id']);
  const { intake, world } = lifeline.ensureOpen().engine;
  const id = checkKey('id', options.id ?? world.random.id(), limits.idCharsMax);
  const text = world.payloads.text(data, limits.signalBytesMax, `the data of '${name}'`);
  await checkSignal(world, registry, runId, name, text);
  const verdict = await intake.signals.add({ runId, id, name, data: text });
  if (!verdict.ok) {
    throw new HoldfastError(verdict.code, verdict.message, { details: { id: runId, name } });
  }
  return {
    id: verdict.id,
    created: verdict.created,
    answer: (waiting = {}) => answerOf(lifeline, runId, id, waiting),
  };
}

/** S1 */
async function checkSignal(
  world: World,
  registry: Registry,
  runId: string,
  name: string,
  text: string,
): Promise<void> {
  const run = await world.store.get(runId);
  if (run === null) throw notFound(runId);
  const signals = await registry.signalsOf(world, run.fn);
  if (signals === null) return;
  const schema = signals.get(name);
  if (schema === undefined) throw unknownSignal(run.fn, name, [...signals.keys()]);
  if (schema === null) return;
  const checked = await checkBy(schema, world.payloads.read(text));
  if (checked.ok) return;
  const message = `the signal '${name}' does not fit its schema: ${checked.issues.join('; ')}`;
  throw new HoldfastError('input.invalid', message, { details: { issues: checked.issues } });
}

const notFound = (id: string): HoldfastError =>
  new HoldfastError('run.not_found', `no run '${id}' is in the store`, { details: { id } });

/** Waits for the answer to a signal. */
export async function answerOf(
  lifeline: Lifeline,
  runId: string,
  id: string,
  options: WaitOptions,
): Promise<SignalAnswer> {
  checkKey('the id of the run', runId, limits.idCharsMax);
  checkKey('the id of the signal', id, limits.idCharsMax);
  checkOptions('the wait', options, ['timeoutMs', 'signal']);
  const { timeoutMs, signal } = options;
  if (timeoutMs !== undefined) checkNumber('timeoutMs', timeoutMs, 0, limits.delayMsMax);
  signal?.throwIfAborted();
  const { engine } = lifeline.ensureOpen();
  const { clock, payloads, store } = engine.world;
  const release = lifeline.hold();
  const giveUp = Promise.withResolvers<never>();
  giveUp.promise.catch(() => {});
  const onAbort = (): void => giveUp.reject(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  const timer =
    timeoutMs === undefined
      ? null
      : clock.after(timeoutMs, () => giveUp.reject(noAnswerYet(runId, id, timeoutMs)));
  let stop = (): void => {};
  try {
    // Whoever gives no time gets what there is.
    const [now = null] = await store.answers([{ runId, id }]);
    if (now?.state !== 'open') return answerIn(now, payloads, runId, id);
    const wait = engine.answers.wait({ runId, id });
    ({ stop } = wait);
    return answerIn(await Promise.race([wait.heard, giveUp.promise]), payloads, runId, id);
  } finally {
    stop();
    timer?.cancel();
    signal?.removeEventListener('abort', onAbort);
    release();
  }
}

const noAnswerYet = (runId: string, id: string, timeoutMs: number): HoldfastError => {
  const message = `run '${runId}' had not answered the signal '${id}' after ${timeoutMs} ms`;
  return new HoldfastError('wait.timeout', message, { details: { id: runId, timeoutMs } });
};

function answerIn(
  stand: SignalStand | null,
  payloads: Payloads,
  runId: string,
  id: string,
): SignalAnswer {
  if (stand === null) {
    const message = `no signal '${id}' was sent to a run '${runId}' that is in the store`;
    throw new HoldfastError('signal.not_found', message, { details: { id: runId, signal: id } });
  }
  if (stand.state !== 'answered') return { state: 'unanswered' };
  return payloads.read(stand.answer) as Said;
}

/** The declared state of a run. Rejects with `run.not_found`. */
export async function stateOf(lifeline: Lifeline, id: string): Promise<readonly DeclaredValue[]> {
  checkKey('id', id, limits.idCharsMax);
  const { store, payloads } = lifeline.ensureOpen().engine.world;
  const rows = await store.state(id);
  if (rows === null) throw notFound(id);
  return rows.map((row) => ({ ...row, value: payloads.shown(row.value) }));
}
