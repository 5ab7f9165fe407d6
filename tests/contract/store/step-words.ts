/**
 * Owns the words in which the contract of steps is written.
 */
import assert from 'node:assert/strict';
import { matchKey } from '../../../src/core/durable/match.ts';
import { namesText, signalEvent, signalValues } from '../../../src/core/durable/signals.ts';
import type { WallMs } from '../../../src/core/time.ts';
import type { ClaimedRun, EndVerdict } from '../../../src/ports/store-runs.ts';
import type { SignalVerdict } from '../../../src/ports/store-signals.ts';
import type {
  AnswerVerdict,
  EventItem,
  EventVerdict,
  ForkVerdict,
  RecordVerdict,
  StepEnd,
  StepKind,
  StepRow,
  StepWrite,
} from '../../../src/ports/store-steps.ts';
import type { Scene } from './scene.ts';

type Wait = Extract<StepWrite, { does: 'wait' }>;

const returned = (value: unknown): StepEnd => ({
  how: 'returned',
  value: JSON.stringify(value),
  error: null,
});

export const threw: StepEnd = {
  how: 'threw',
  value: null,
  error: { code: 'attempt.failed', message: 'boom', details: { card: 7 } },
};

export const begin = (name: string, tries = 1): StepWrite => ({
  ...{ does: 'begin', key: `step/${name}`, kind: 'step', tries },
});

export const end = (name: string, value: unknown = null, tries = 1): StepWrite => ({
  ...{ does: 'end', key: `step/${name}`, kind: 'step', tries, end: returned(value) },
});

/** The end of a wait by its owner. */
export const over = (key: string, how: 'returned' | 'timed-out' = 'timed-out'): StepWrite => ({
  ...{ does: 'end', key, tries: 1, end: { how, value: null, error: null } },
  kind: key.slice(0, key.indexOf('/')) as StepKind,
});

const wait = (key: string, kind: StepKind, rest: Partial<Wait>): Wait => ({
  ...{ does: 'wait', key, kind, wake: null, event: null, token: null },
  ...rest,
});

/** A sleep of so many ms; null: for ever. */
export const sleep = (name: string, afterMs: number | null): Wait =>
  wait(`sleep/${name}`, 'sleep', { wake: afterMs === null ? null : { afterMs } });

export const sleepUntil = (name: string, at: WallMs): Wait =>
  wait(`sleep/${name}`, 'sleep', { wake: { at } });

/** A wait for an event. */
export const waitFor = (
  name: string,
  match: Parameters<typeof matchKey>[0] = {},
  rest: { readonly after?: number; readonly afterMs?: number; readonly key?: string } = {},
): Wait =>
  wait(`event/${rest.key ?? name}`, 'event', {
    wake: rest.afterMs === undefined ? null : { afterMs: rest.afterMs },
    event: { name, ...matchKey(match), after: rest.after ?? 0 },
  });

/** A wait for whoever has the token. */
export const approval = (token: string): Wait => wait(`approval/${token}`, 'approval', { token });

/** A wait of a run for signals of these names. */
export const waitForSignal = (
  run: Pick<ClaimedRun, 'id'>,
  names: readonly string[],
  rest: { readonly afterMs?: number; readonly key?: string } = {},
): Wait =>
  wait(`signal/${rest.key ?? names.join(',')}`, 'signal', {
    wake: rest.afterMs === undefined ? null : { afterMs: rest.afterMs },
    event: {
      ...{ name: signalEvent(run.id), paths: namesText(names), values: signalValues },
      after: 0,
    },
  });

/** Sends a signal and gives the verdict. */
export async function signalAs(
  scene: Scene,
  runId: string,
  name: string,
  data: unknown,
  id: string,
): Promise<SignalVerdict> {
  const { reply } = await scene.store.signal([{ runId, id, name, data: JSON.stringify(data) }]);
  assert.ok(reply[0] !== undefined);
  return reply[0];
}

/** Keeps steps and gives the verdict. */
export async function recordAs(
  scene: Scene,
  run: Pick<ClaimedRun, 'seq' | 'fence' | 'attempt'>,
  ...writes: readonly StepWrite[]
): Promise<RecordVerdict> {
  const { seq, fence, attempt } = run;
  const { reply } = await scene.store.record([{ seq, fence, attempt, knows: 0, writes }]);
  assert.ok(reply[0] !== undefined);
  return reply[0];
}

/** Keeps steps; they must be accepted. Gives what is news. */
export async function record(
  scene: Scene,
  run: ClaimedRun,
  ...writes: readonly StepWrite[]
): Promise<readonly (StepRow | null)[]> {
  const verdict = await recordAs(scene, run, ...writes);
  assert.ok(verdict.ok, JSON.stringify(verdict));
  return verdict.steps;
}

/** Every step of a run, in pages of two. */
export async function stepsOf(scene: Scene, id: string): Promise<readonly StepRow[]> {
  const steps: StepRow[] = [];
  for (let after = 0; ; ) {
    const page = await scene.store.steps(id, after, 2);
    assert.ok(page !== null, `no run ${id}`);
    steps.push(...page.steps);
    if (page.next === null) return steps;
    after = page.next;
  }
}

/** Keys of the steps of a run, in the order of their ends. */
export async function endsOf(scene: Scene, id: string): Promise<readonly string[]> {
  const ended = (await stepsOf(scene, id)).filter((step) => step.end !== null);
  return ended
    .sort((a, b) => (a.end?.nth ?? 0) - (b.end?.nth ?? 0))
    .map(({ key, end: how }) => `${key} ${how?.how}`);
}

export async function stepOf(scene: Scene, id: string, key: string): Promise<StepRow> {
  const found = (await stepsOf(scene, id)).find((step) => step.key === key);
  assert.ok(found !== undefined, `no step ${key}`);
  return found;
}

/** Parks a run and gives the verdict. */
export const parkAs = (
  scene: Scene,
  run: ClaimedRun,
  seen: number,
  ...waits: readonly StepWrite[]
): Promise<EndVerdict> => scene.end(run, { how: 'parked', waits, seen });

/** Parks a run; it must be accepted. */
export async function park(
  scene: Scene,
  run: ClaimedRun,
  seen: number,
  ...waits: readonly StepWrite[]
): Promise<void> {
  const verdict = await parkAs(scene, run, seen, ...waits);
  assert.deepEqual(verdict, { ok: true, outcome: null, repeated: false });
}

/** Starts a run and hands it to a node of its own. */
export async function running(
  scene: Scene,
  wish: Parameters<Scene['item']>[0] = {},
): Promise<ClaimedRun> {
  const [id] = await scene.start(wish);
  const run = await scene.claimOne(await scene.join());
  assert.equal(run.id, id);
  return run;
}

let told = 0;

/** Tells an event and gives the verdict. */
export async function emitAs(
  scene: Scene,
  name: string,
  data: unknown = null,
  rest: Partial<EventItem> = {},
): Promise<EventVerdict> {
  told += 1;
  const item = {
    id: `event-${told}`,
    name,
    tenant: 'default',
    data: JSON.stringify(data),
    ...rest,
  };
  const { reply } = await scene.store.emit([item]);
  assert.ok(reply[0] !== undefined);
  return reply[0];
}

/** Tells an event that must be new; gives how many waits it ended. */
export async function emit(
  scene: Scene,
  name: string,
  data: unknown = null,
  rest: Partial<EventItem> = {},
): Promise<number> {
  const verdict = await emitAs(scene, name, data, rest);
  assert.ok(verdict.ok && verdict.created, JSON.stringify(verdict));
  return verdict.woke;
}

/** What a wait for an event gave. */
export function given(step: StepRow): { n: number; id: string; at: number; data: unknown } {
  assert.ok(step.end?.how === 'returned' && step.end.value !== null, JSON.stringify(step));
  return JSON.parse(step.end.value);
}

/** Answers a wait and gives the verdict. */
export async function answer(
  scene: Scene,
  token: string,
  value: unknown = null,
  tenant: string | null = null,
): Promise<AnswerVerdict> {
  const { reply } = await scene.store.answer([{ token, tenant, value: JSON.stringify(value) }]);
  assert.ok(reply[0] !== undefined);
  return reply[0];
}

/** Forks a run and gives the verdict. */
export async function forkAs(
  scene: Scene,
  id: string,
  newId: string,
  from: string | null = null,
): Promise<ForkVerdict> {
  const { reply } = await scene.store.fork([{ id, newId, from }]);
  assert.ok(reply[0] !== undefined);
  return reply[0];
}

/** The code of a refusal. */
export const refused = (verdict: { readonly ok: boolean; readonly code?: string }): string =>
  verdict.ok ? 'accepted' : (verdict.code ?? '');
