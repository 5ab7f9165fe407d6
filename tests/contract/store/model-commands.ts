/**
 * Owns the commands of the model test: each does the same to the model and to the store, compares
 * what was said, and then compares everything.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { nodeKeyOf } from '../../../src/core/execution/run.ts';
import { fenceOf } from '../../../src/core/fence.ts';
import type { EndOfAttempt } from '../../../src/ports/store-runs.ts';
import type { Kind, Model, Ownership } from './model.ts';
import { lanes, type Real } from './model-real.ts';
import { boom, gone } from './scene.ts';

type Command = fc.AsyncCommand<Model, Real>;

/** A command that may always be run, and is followed by the comparison of everything. */
function command(name: string, run: (model: Model, real: Real) => Promise<void>): Command {
  return {
    check: () => true,
    async run(model, real) {
      await run(model, real);
      await compare(model, real);
    },
    toString: () => name,
  };
}

/** (G1, G2, G4) Owners, outcomes and places are those of the model, for every run. */
async function compare(model: Model, real: Real): Promise<void> {
  const ask = { filter: { fn: real.name }, before: null, rowsMax: 1_000 };
  const { runs } = await real.store.list(ask);
  assert.deepEqual(
    [...runs].reverse().map((run) => ({
      ...{ id: run.id, status: run.status, pin: run.pin, outcome: run.outcome?.kind ?? null },
      ...{ fence: Number(run.fence), attempt: run.attempt, failures: run.failures },
      ...{ crashes: run.crashes, stopping: run.stopReason !== null },
    })),
    model.runs.map(({ kind: _, input: __, holds: ___, node: ____, ...seen }) => seen),
  );
  const shown = await real.store.lanes(1_000);
  for (const kind of lanes) {
    const lane = shown.find((one) => one.lane === real.lane(kind));
    const holders = model.runs.filter((run) => run.kind === kind && run.holds);
    assert.deepEqual(
      lane?.holders ?? [],
      holders.map((run) => run.id),
      `(G4) who holds the ${kind} lane`,
    );
  }
}

const ownershipOf = (model: Model, n: number): Ownership | undefined =>
  model.ownerships[n % Math.max(1, model.ownerships.length)];

const start = (n: number, kind: Kind, input: string): Command =>
  command(`start ${n} ${kind} ${input}`, async (model, real) => {
    const id = real.id(n);
    const known = model.find(id);
    const { reply } = await real.store.start([real.item(id, kind, input)]);
    const said = reply[0]?.ok === true ? reply[0].created : reply[0]?.code;
    const conflict = known !== undefined && known.input !== input;
    assert.equal(said, conflict ? 'run.conflict' : known === undefined);
    if (known === undefined) model.accept(id, kind, input);
  });

const claim = (n: number, runsMax: number, versions: readonly string[]): Command =>
  command(`claim by ${n} up to ${runsMax} of ${versions}`, async (model, real) => {
    const node = real.nodes[n] ?? nodeKeyOf(0);
    const functions = [{ fn: real.name, runsMax, versions }];
    const reply = await real.store.claim({ node, functions, runsMax });
    assert.ok(reply.ok);
    assert.equal(reply.runs.length, Math.min(runsMax, model.eligible(versions).length));
    for (const { id, seq, fence, attempt, pin } of reply.runs) {
      const run = model.find(id);
      assert.ok(run !== undefined);
      model.claimed(run, { id, seq, attempt, fence, node }, versions);
      assert.deepEqual([attempt, pin], [run.attempt, run.pin]);
    }
  });

const keep = (n: number, pin: string): Command =>
  command(`keep a step of ${n} by ${pin}`, async (model, real) => {
    const by = ownershipOf(model, n);
    if (by === undefined) return;
    const end = { how: 'returned', value: '1', error: null } as const;
    const write = { does: 'end', key: 'step/a', kind: 'step', tries: 1, end } as const;
    const { seq, attempt } = by;
    const item = { seq, attempt, fence: fenceOf(by.fence), knows: 0, writes: [write], pin };
    const { reply } = await real.store.record([item]);
    const [verdict] = reply;
    assert.equal(verdict?.ok === true ? 'kept' : verdict?.code, model.keep(by, pin));
  });

const repin = (n: number, pin: string | null): Command =>
  command(`send ${n} on with ${pin}`, async (model, real) => {
    const { reply } = await real.store.repin([{ id: real.id(n), pin }]);
    const [verdict] = reply;
    const said = verdict?.ok === true ? 'sent on' : verdict?.code;
    assert.equal(said, model.repin(real.id(n), pin));
  });

const end = (n: number, how: EndOfAttempt['how'], settled: boolean): Command =>
  command(`end ${n} as ${how}${settled ? '' : ', not settled'}`, async (model, real) => {
    const by = ownershipOf(model, n);
    if (by === undefined) return;
    const verdict = await real.scene.end(
      { seq: by.seq, fence: fenceOf(by.fence) },
      asEnd(how, settled),
    );
    const said = verdict.ok
      ? { outcome: verdict.outcome?.kind ?? null, repeated: verdict.repeated }
      : verdict.code;
    assert.deepEqual(said, model.end(by, how, settled || !canLinger.includes(how)));
  });

const canLinger: readonly string[] = ['stopped', 'timed-out'];

function asEnd(how: EndOfAttempt['how'], settled: boolean): EndOfAttempt {
  switch (how) {
    case 'succeeded':
      return { how, result: '1' };
    case 'failed':
      return { how, error: boom, chance: 0 };
    case 'timed-out':
      return { how, error: boom, chance: 0, scope: 'attempt', settled };
    case 'stopped':
      return { how, settled };
    case 'parked':
      return { how, waits: [], seen: 0 };
    case 'diverged':
      return { how, error: boom };
    case 'handed-back':
      return { how };
  }
}

const settle = (n: number): Command =>
  command(`settle ${n}`, async (model, real) => {
    const by = ownershipOf(model, n);
    if (by === undefined) return;
    await real.store.settled(nodeKeyOf(by.node), [by]);
    const run = model.find(by.id);
    if (run !== undefined) model.settled(run, by.node, by.attempt);
  });

const note = (n: number): Command =>
  command(`note ${n}`, async (model, real) => {
    const by = ownershipOf(model, n);
    if (by === undefined) return;
    const fence = fenceOf(by.fence);
    const [verdict] = await real.store.note([{ seq: by.seq, fence, attempt: 1, progress: `${n}` }]);
    const run = model.find(by.id);
    assert.equal(verdict?.ok, run?.fence === by.fence && run.status === 'running');
  });

const cancel = (n: number): Command =>
  command(`cancel ${n}`, async (model, real) => {
    const { reply } = await real.store.cancel([{ id: real.id(n), reason: 'x' }]);
    const [verdict] = reply;
    assert.equal(verdict?.ok === true ? verdict.state : verdict?.code, model.cancel(real.id(n)));
  });

const retry = (n: number): Command =>
  command(`retry ${n}`, async (model, real) => {
    const newId = real.newId();
    const { reply } = await real.store.retry([{ id: real.id(n), newId }]);
    const [verdict] = reply;
    assert.equal(verdict?.ok === true ? verdict.id : verdict?.code, model.retry(real.id(n), newId));
  });

const crash = (n: number): Command =>
  command(`crash ${n}`, async (model, real) => {
    const node = real.nodes[n] ?? nodeKeyOf(0);
    const { reply } = await real.store.recover(node, gone, 500);
    assert.equal(reply.ok, true);
    model.nodeDied(node);
    real.nodes[n] = await real.join();
  });

const pause = (what: 'function' | (typeof lanes)[number], on: boolean): Command =>
  command(`${on ? 'pause' : 'resume'} ${what}`, async (model, real) => {
    const kind = what === 'function' ? what : 'lane';
    const key = what === 'function' ? real.name : real.lane(what);
    if (on) await real.store.pause(kind, key, 'x');
    else await real.store.resume(kind, key);
    if (what === 'function') model.paused = on;
    else if (on) model.pauseLane(what);
    else model.resumeLane(what);
  });

const sweep = (): Command =>
  command('sweep', async (_, real) => {
    await real.store.sweep(100);
  });

const kind = fc.constantFrom<Kind>(
  'free',
  'narrow',
  'narrow',
  'wide',
  'wide',
  'limited',
  'limited',
);
const node = fc.nat(1);
const id = fc.nat(11);
const owner = fc.nat(30);
const how = fc.constantFrom<EndOfAttempt['how']>(
  'succeeded',
  'failed',
  'timed-out',
  'stopped',
  'handed-back',
);
const version = fc.constantFrom('1', '2');
const hosted = fc.constantFrom(['1', '2'], ['2', '1'], ['1'], []);
const pausable = fc.constantFrom('function', ...lanes);

/** Sequences of commands; what keeps runs going is drawn more often. */
export const commands = (maxCommands: number, replayPath: string | undefined) =>
  fc.commands(
    [
      fc.tuple(id, kind, fc.constantFrom('1', '1', '2')).map((args) => start(...args)),
      fc.tuple(id, kind, fc.constant('1')).map((args) => start(...args)),
      fc.tuple(node, fc.integer({ min: 1, max: 4 }), hosted).map((args) => claim(...args)),
      fc.tuple(node, fc.constant(100), hosted).map((args) => claim(...args)),
      fc.tuple(owner, version).map((args) => keep(...args)),
      fc.tuple(id, fc.option(version)).map((args) => repin(...args)),
      fc.tuple(owner, how, fc.boolean()).map((args) => end(...args)),
      fc.tuple(owner, how, fc.boolean()).map((args) => end(...args)),
      owner.map(settle),
      owner.map(note),
      id.map(cancel),
      id.map(retry),
      node.map(crash),
      fc.tuple(pausable, fc.boolean()).map((args) => pause(...args)),
      fc.constant(sweep()),
    ],
    { maxCommands, size: 'max', ...(replayPath === undefined ? {} : { replayPath }) },
  );
