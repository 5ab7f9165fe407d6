/**
 * Owns random calls about steps, waits, events, answers, forks and pins: the same for tests that
 * put two stores, or two sets of tables, side by side.
 */
import { matchKey } from '../../src/core/durable/match.ts';
import { namesText, signalEvent, signalValues } from '../../src/core/durable/signals.ts';
import type { Fence } from '../../src/core/fence.ts';
import { childCloses, type ParentPlace } from '../../src/ports/store-family.ts';
import type { StepKind, StepWrite } from '../../src/ports/store-steps.ts';
import type { SeededRandom } from '../../src/testing/seeded-random.ts';

/** What a call is drawn from. */
export interface StepDraw {
  readonly random: SeededRandom;
  readonly owned: readonly {
    readonly id: string;
    readonly seq: number;
    readonly fence: Fence;
    readonly attempt: number;
  }[];
  readonly ids: string[];
  readonly tenants: readonly string[];
  /** How many calls were drawn: names what has to be new. */
  readonly drawn: { count: number };
  /** Times that a wait may have, from its beginning. */
  readonly waitsMs: readonly number[];
}

/** A verb with its arguments. */
export type Drawn = readonly [
  verb: 'record' | 'end' | 'emit' | 'answer' | 'fork' | 'repin' | 'steps' | 'signal' | 'answers',
  ...args: readonly unknown[],
];

const names = ['a', 'b', 'c', 'd'];
const events = ['paid', 'sent'];
const matches = [{}, { n: 1 }, { n: 2 }, { n: 1, 'deep.er': 'x' }, { 'deep.er': null }] as const;
const datas = [
  '{"n":1}',
  '{"n":2,"deep":{"er":null}}',
  '{"n":1,"deep":{"er":"x"}}',
  '[1,2]',
  'null',
];

function write(draw: StepDraw, of: string): StepWrite {
  const { random, drawn, waitsMs } = draw;
  const name = random.pick(names);
  const kind = random.pick<StepKind>([
    'step',
    'step',
    'sleep',
    'event',
    'approval',
    'signal',
    'child',
  ]);
  const key = kind === 'step' && random.chance(0.3) ? `start/${name}` : `${kind}/${name}`;
  if (random.chance(kind === 'step' ? 0.4 : 0.25)) {
    const how = kind === 'step' ? random.pick(['returned', 'threw'] as const) : 'timed-out';
    const value = how === 'returned' ? `"${drawn.count}"` : null;
    const error = how === 'threw' ? { code: 'attempt.failed', message: name } : null;
    return { does: 'end', key, kind, tries: random.pick([1, 2]), end: { how, value, error } };
  }
  if (kind === 'step') return { does: 'begin', key, kind, tries: random.pick([1, 2]) };
  const wake = random.chance(0.5) ? null : { afterMs: random.pick(waitsMs) };
  const after = random.pick([0, 0, 1, 3]);
  const event = { name: random.pick(events), ...matchKey(random.pick(matches)), after };
  // Steps of one run and name have one token at the most: waits never begin twice.
  const token = `${draw.owned.length}-${drawn.count}-${name}-${random.int(1_000_000)}`;
  if (kind === 'sleep') return { does: 'wait', key, kind, wake, event: null, token: null };
  if (kind === 'child') return { does: 'wait', key, kind, wake: null, event: null, token: null };
  if (kind === 'event') return { does: 'wait', key, kind, wake, event, token: null };
  if (kind === 'signal') {
    const wanted = random.pick([['go'], ['stop'], ['stop', 'go']]);
    const told = { name: signalEvent(of), paths: namesText(wanted), values: signalValues };
    return { does: 'wait', key, kind, wake, event: { ...told, after: 0 }, token: null };
  }
  tokens.push(token);
  return { does: 'wait', key, kind, wake, event: null, token };
}

/** Tokens that were given out, over all tests of a file. */
const tokens: string[] = ['nobody'];

const writes = (draw: StepDraw, of: string): readonly StepWrite[] =>
  Array.from({ length: 1 + draw.random.int(4) }, () => write(draw, of));

const signal = ({ random, drawn, ids }: StepDraw) => ({
  runId: random.pick(ids),
  id: random.chance(0.3) ? `s-${random.int(4)}` : `s-${drawn.count}`,
  name: random.pick(['go', 'stop', 'other']),
  data: random.pick(datas),
});

const event = ({ random, drawn, tenants }: StepDraw) => ({
  id: random.chance(0.2) ? `e-${random.int(drawn.count)}` : `e-${drawn.count}-${random.int(1e6)}`,
  name: random.pick(events),
  tenant: random.pick(tenants),
  data: random.pick(datas),
});

/** Whose child a new run is: of a run that is owned, or was; most are nobody's. */
export function drawParent({ random, owned, drawn }: StepDraw): { parent?: ParentPlace } {
  if (owned.length === 0 || random.chance(0.6)) return {};
  const { seq, fence } = random.pick(owned);
  const group = random.pick(names);
  const index = drawn.count;
  drawn.count += 1;
  return { parent: { seq, fence, group, index, close: random.pick(childCloses) } };
}

/** One call. `park` takes the run out of those that are owned. */
export function drawStepCall(draw: StepDraw): Drawn {
  const { random, owned, ids, drawn } = draw;
  drawn.count += 1;
  const kind = random.pick([
    ...(['record', 'record', 'park', 'emit', 'emit', 'answer', 'fork', 'repin', 'steps'] as const),
    ...(['signal', 'signal', 'answers'] as const),
  ]);
  const pin = random.pick([{}, { pin: '1' }, { pin: '2' }]);
  if ((kind === 'record' || kind === 'park') && owned.length > 0) {
    const { id, seq, fence, attempt } = random.pick(owned);
    if (kind === 'record')
      return ['record', [{ seq, fence, attempt, knows: 0, writes: writes(draw, id), ...pin }]];
    const waits = writes(draw, id).filter(({ does }) => does === 'wait');
    return ['end', [{ seq, fence, end: { how: 'parked', waits, seen: random.int(6), ...pin } }]];
  }
  if (kind === 'signal') {
    return ['signal', random.chance(0.6) ? [signal(draw)] : [signal(draw), signal(draw)]];
  }
  if (kind === 'answers') {
    const ask = { runId: random.pick(ids), id: `s-${random.int(drawn.count)}` };
    return ['answers', [ask, { ...ask, id: 's-1' }]];
  }
  if (kind === 'answer') {
    const token = random.pick(tokens.slice(-12));
    const tenant = random.pick([null, ...draw.tenants]);
    return ['answer', [{ token, tenant, value: `"${drawn.count}"` }]];
  }
  if (kind === 'fork') {
    const newId = `fork ${drawn.count}`;
    ids.push(newId);
    const from = random.pick([null, ...names.map((name) => `step/${name}`)]);
    return ['fork', [{ id: random.pick(ids), newId, from, ...pin }]];
  }
  if (kind === 'repin') {
    return ['repin', [{ id: random.pick(ids), pin: random.pick([null, '1', '2']) }]];
  }
  if (kind === 'steps') return ['steps', random.pick(ids), random.int(3), 1 + random.int(4)];
  return ['emit', random.chance(0.7) ? [event(draw)] : [event(draw), event(draw), event(draw)]];
}
