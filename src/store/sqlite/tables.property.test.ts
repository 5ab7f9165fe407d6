/**
 * Random lives of random runs, on the tables of SQLite and on those in memory side by side. A
 * failing seed is named by the test that fails; it replays by itself.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { drawParent, drawStepCall } from '../../../tests/sqlite/step-life.ts';
import { openTwins, type Twins } from '../../../tests/sqlite/twins.ts';
import type { NodeKey } from '../../core/execution/run.ts';
import type { ClaimedRun, EndOfAttempt, RunPolicy } from '../../ports/store-runs.ts';
import { type SeededRandom, seededRandom } from '../../testing/seeded-random.ts';

const seeds = 25;
const steps = 90;
const functions = ['f', 'g'];
const lanes = ['a', 'b', 'c'];
const tenants = ['t1', 't2', 't3'];
const error = { code: 'attempt.failed', message: 'it failed' };

interface Life {
  readonly twins: Twins;
  readonly random: SeededRandom;
  readonly nodes: NodeKey[];
  readonly ids: string[];
  readonly owned: (ClaimedRun & { readonly node: NodeKey })[];
  readonly drawn: { count: number };
}

const policyOf = (random: SeededRandom): RunPolicy => ({
  retry: {
    attemptsMax: random.pick([1, 3]),
    backoff: 'fixed',
    delayMs: random.pick([0, 50]),
    factor: 1,
    delayMsMax: 1_000,
    jitter: 0,
  },
  onCrash: random.pick(['retry', 'lose']),
  crashesMax: 2,
  attemptTimeoutMs: random.pick([null, 100]),
  graceMs: 50,
});

function newRun(life: Life) {
  const { random, twins, ids } = life;
  const id = ids.length > 0 && random.chance(0.1) ? random.pick(ids) : `run ${ids.length}`;
  if (!ids.includes(id)) ids.push(id);
  const soon = (share: number): number | null =>
    random.chance(share) ? twins.now + random.int(200) : null;
  return {
    id,
    idempotent: true,
    fn: random.pick(functions),
    input: `{"n":${random.int(3)}}`,
    lane: random.pick([null, null, ...lanes]),
    laneWidth: random.pick([1, 1, 2]),
    tenant: random.pick(tenants),
    prioritySeconds: random.pick([0, 0, 5, -2.5]),
    dueAt: soon(0.2),
    deadlineAt: soon(0.2),
    tags: random.chance(0.3) ? ['x', 'ü'] : [],
    policy: policyOf(random),
    ...drawParent({ ...life, tenants, waitsMs: [] }),
  };
}

const ends: readonly EndOfAttempt[] = [
  { how: 'succeeded', result: '1' },
  { how: 'succeeded', result: '"two"' },
  { how: 'failed', error, chance: 0.5 },
  { how: 'failed', error, chance: 0.5, advice: { kind: 'after', delayMs: 30 } },
  { how: 'timed-out', error, chance: 0.1, scope: 'attempt', settled: false },
  { how: 'timed-out', error, chance: 0.1, scope: 'total', settled: true },
  { how: 'stopped', settled: false },
  { how: 'handed-back' },
];

function claim({ twins, random, nodes, owned }: Life): void {
  const node = random.pick(nodes);
  const versions = random.pick([[], ['1'], ['2', '1']]);
  const asked = functions.map((fn) => ({ fn, runsMax: 2, versions }));
  const reply = twins.verb('claim', { node, functions: asked, runsMax: 3 });
  if (reply.ok) owned.push(...reply.runs.map((run) => ({ ...run, node })));
}

function end({ twins, random, owned }: Life): void {
  const [run] = owned.splice(random.int(Math.max(1, owned.length)), 1);
  if (run === undefined) return;
  twins.verb('end', [{ seq: run.seq, fence: run.fence, end: random.pick(ends) }]);
  if (random.chance(0.3)) twins.verb('settled', run.node, [run]);
}

function note({ twins, random, owned }: Life): void {
  if (owned.length === 0) return;
  const { seq, fence, attempt } = random.pick(owned);
  const line = { at: twins.now, level: 'info', message: `at ${twins.now}`, fields: null };
  const name = random.pick(['one', 'two', 'Three', 'ä']);
  const state = [
    { name, value: `${twins.now}` },
    ...(random.chance(0.2) ? [{ name: 'x', value: '1' }] : []),
  ];
  const words = { progress: `${twins.now}`, state, lines: [line, line] };
  twins.verb('note', [{ seq, fence, attempt, ...words }]);
  const count = random.pick([1, 2, 3]);
  const content = random.chance(0.9) ? JSON.stringify(Array(count).fill(`${twins.now}`)) : null;
  const bytes = random.chance(0.98) ? 9 : Number.MAX_SAFE_INTEGER;
  const part = {
    seq,
    fence,
    attempt,
    from: random.pick([0, 0, 1, 2, 3, 4]),
    count,
    content,
    bytes,
  };
  twins.verb('append', [part]);
}

function durably(life: Life): void {
  const [verb, ...args] = drawStepCall({ ...life, tenants, waitsMs: [0, 40, 500] });
  life.twins.verb(verb, ...args);
}

/** One of few, so that the same ones are met again. */
function keyOf(random: Life['random']) {
  const id = `key ${random.int(3)}`;
  const tenant = id === 'key 1' ? 'acme' : null;
  return { id, name: 'a name', hash: `hash of ${id}`, scope: 'read', tenant } as const;
}

function operate({ twins, random, nodes, ids }: Life): void {
  const [id, node, tenant] = [random.pick(ids), random.pick(nodes), random.pick(tenants)];
  const terms = { weight: random.pick([1, 2]), waitingMax: random.pick([null, 3]) };
  const kept = { cancelled: 50, 'timed-out': null, rejected: 0, lost: 100 };
  const acts: readonly (() => unknown)[] = [
    () => twins.verb('cancel', [{ id, reason: 'why' }]),
    () => twins.verb('retry', [{ id, newId: `again ${ids.push(`again ${ids.length}`) - 1}` }]),
    () => twins.verb('setTenant', { tenant, ...terms, runningMax: random.pick([null, 1, 2]) }),
    () => twins.verb('pause', 'lane', random.pick(lanes), 'why'),
    () => twins.verb('pause', 'function', random.pick(functions), 'why'),
    () => twins.verb('resume', 'lane', random.pick(lanes)),
    () => twins.verb('resume', 'function', random.pick(functions)),
    () => {
      const event = random.pick([null, 0, 300]);
      twins.verb('prune', { succeeded: 100, failed: 100, event, ...kept }, random.pick([2, 100]));
    },
    () => twins.verb('recover', node, { kind: 'lease-over', detail: error }, 2),
    () => twins.verb('recover', node, { kind: 'process-gone', detail: error }, 2),
    () => twins.verb('putKey', keyOf(random)),
    () => twins.verb('revokeKey', keyOf(random).id),
    () => twins.verb('touchKey', keyOf(random).id),
    () => twins.verb('drain', node),
    () => twins.verb('beat', node),
  ];
  random.pick(acts)();
}

function look({ twins, random, ids }: Life): void {
  for (const name of ['lanes', 'tenants', 'pinned'] as const) twins.verb(name, 10);
  for (const name of ['counts', 'nodes', 'pauses'] as const) twins.verb(name);
  for (const id of ids.slice(-4)) {
    twins.verb('get', id);
    twins.verb('explain', id);
  }
  twins.verb('ends', ids.slice(-20));
  twins.verb('logs', random.pick(ids), null, 2);
  twins.verb('state', random.pick(ids));
  const asks = [0, 1, 2, 5].map((from) => ({ id: random.pick(ids), from, charsMax: 40 }));
  twins.verb('parts', asks);
  for (const group of ['a', 'b', null]) {
    const ask = { id: random.pick(ids), group, after: null, rowsMax: random.pick([1, 5]) };
    twins.verb('children', { ...ask, results: random.chance(0.5) });
  }
}

function join(life: Life, n: number): void {
  const hosted = functions.map((fn) => ({ fn, version: '1', digest: 'd' }));
  const process = { hostId: 'h', hostName: 'h', pid: n, startedAt: `${n}` };
  const card = { name: `node ${n}`, process, ttlMs: 500, slots: 4, functions: hosted };
  const verdict = life.twins.verb('join', card);
  assert.ok(verdict.ok);
  life.nodes.push(verdict.node);
}

for (let seed = 1; seed <= seeds; seed += 1) {
  test(`SQLite and memory answer alike (seed ${seed})`, () => {
    const random = seededRandom(seed);
    const base = { twins: openTwins(), random, nodes: [], ids: [] };
    const life: Life = { ...base, owned: [], drawn: { count: 0 } };
    for (let n = 0; n < 3; n += 1) join(life, n);
    const start = (): void => {
      const items = Array.from({ length: 1 + random.int(4) }, () => newRun(life));
      life.twins.verb('start', items);
    };
    start();
    for (let step = 0; step < steps; step += 1) {
      life.twins.now += random.int(60);
      const acts = [start, start, () => claim(life), () => claim(life), () => end(life)];
      const durable = [
        () => durably(life),
        () => durably(life),
        () => durably(life),
        () => durably(life),
      ];
      const rest = [...durable, () => note(life), () => operate(life), () => operate(life)];
      random.pick([...acts, () => end(life), ...rest, () => life.twins.verb('sweep', 10)])();
      if (random.chance(0.3)) look(life);
      life.twins.compare({ functions, lanes, tenants, nodes: life.nodes });
    }
  });
}
