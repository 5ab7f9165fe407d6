/** A VM over a link whose other side says what the test wants: also what no honest VM would say. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SimulatedClock } from '../../testing/simulated-clock.ts';
import { Hearing } from './hearing.ts';
import { scriptLimitsOf } from './limits.ts';
import { openVm, type ScriptCall } from './remote-vm.ts';
import type { VmFault, VmLink, VmOrder, VmSetup, VmWord } from './wire.ts';

const setup: VmSetup = {
  ...{ file: 'x.lua', source: '', grants: [{ name: 'word', sync: true }], engine: 'none' },
  limits: scriptLimitsOf('x', { outputValues: 2, outputBytes: 20, grantCalls: 2, timeMs: 100 }),
};

async function scene(first: VmWord = { word: 'ready' }, limits = setup.limits) {
  const clock = new SimulatedClock();
  const hearing = new Hearing();
  const gone = Promise.withResolvers<VmFault | null>();
  const orders: VmOrder[] = [];
  let kills = 0;
  let held = false;
  const link: VmLink = {
    post: (order) => void orders.push(order),
    listen: (listener) => hearing.listen(listener),
    gone: gone.promise,
    kill() {
      kills += 1;
      gone.resolve(null);
    },
    hold(waiting) {
      held = waiting;
    },
  };
  hearing.hear(first);
  const vm = await openVm(link, { ...setup, limits }, clock);
  const values: string[] = [];
  const begin = (more: Partial<ScriptCall> = {}) => {
    const result = vm.run({
      ...{ input: 'null', signal: null, onValue: (text) => void values.push(text) },
      ...{ grant: async () => '"w"', ...more },
    });
    result.catch(() => {});
    return result;
  };
  const facts = { clock, orders, values, kills: () => kills, held: () => held };
  return { ...facts, vm, begin, die: gone.resolve, say: (word: VmWord) => hearing.hear(word) };
}

const overLimit = (limit: string) => ({ code: 'script.over_limit', details: { limit } });

/** Rejects with that limit, whatever else is in the details. */
async function stopped(promise: Promise<unknown>, limit: string): Promise<void> {
  await assert.rejects(promise, ({ code, details }: ReturnType<typeof overLimit>) => {
    assert.deepEqual([code, details.limit], ['script.over_limit', limit]);
    return true;
  });
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a VM behind a link', { timeout: 10_000 }, () => {
  it('ends a call once, and drops what comes behind it', async () => {
    const { begin, say, values, vm } = await scene();
    const first = begin();
    say({ word: 'began', call: 1 });
    say({ word: 'value', call: 1, text: '1' });
    say({ word: 'done', call: 1, text: '"a"' });
    say({ word: 'done', call: 1, text: '"b"' });
    say({ word: 'value', call: 1, text: '2' });
    assert.equal(await first, '"a"');
    const second = begin();
    say({ word: 'value', call: 1, text: '3' });
    say({ word: 'failed', call: 1, fault: { kind: 'threw', message: 'late' }, clean: true });
    say({ word: 'done', call: 2, text: null });
    assert.equal(await second, null);
    assert.deepEqual(values, ['1']);
    assert.equal(vm.alive, true);
  });

  it('counts values, bytes and grants itself', async () => {
    const many = await scene();
    const values = many.begin();
    for (const text of ['1', '2', '3']) many.say({ word: 'value', call: 1, text });
    await stopped(values, 'outputValues');
    assert.deepEqual([many.vm.alive, many.kills()], [false, 1]);

    const big = await scene();
    const bytes = big.begin();
    big.say({ word: 'value', call: 1, text: 'ä'.repeat(11) });
    await stopped(bytes, 'outputBytes');

    const result = await scene();
    const returned = result.begin();
    result.say({ word: 'value', call: 1, text: '"234567890"' });
    result.say({ word: 'done', call: 1, text: '"234567890"' });
    await stopped(returned, 'outputBytes');

    const asking = await scene();
    const asks = asking.begin();
    for (const ask of [1, 2, 3]) {
      asking.say({ word: 'ask', call: 1, ask, grant: 'word', text: '[]' });
    }
    await stopped(asks, 'grantCalls');
  });

  it('begins the time with the code, and ends by force what is over it', async () => {
    const { clock, begin, say, vm, kills } = await scene();
    const slow = begin();
    await clock.advance(20_000);
    say({ word: 'began', call: 1 });
    await clock.advance(1_099);
    assert.equal(vm.alive, true);
    await clock.advance(1);
    await stopped(slow, 'timeMs');
    assert.equal(kills(), 1);
  });

  it('is ended when it says what no VM says', async () => {
    for (const odd of [null, 7, { word: 'value', call: 1 }, { word: 'done', call: 1, text: {} }]) {
      const { begin, say, vm, kills } = await scene();
      const running = begin();
      say(odd as VmWord);
      await assert.rejects(running, { code: 'script.lost', message: /what no VM says/ });
      assert.deepEqual([vm.alive, kills()], [false, 1]);
      const idle = await scene();
      idle.say(odd as VmWord);
      assert.equal(idle.vm.alive, false);
    }
    await assert.rejects(scene({ word: 'done', call: 1, text: null }), { code: 'script.lost' });
  });

  it('is ended when it has more questions open than a VM may have', async () => {
    const limits = scriptLimitsOf('x', { grantCalls: 100 });
    const { begin, say, vm } = await scene({ word: 'ready' }, limits);
    const running = begin({ grant: () => new Promise<string>(() => {}) });
    for (let ask = 1; ask <= 17; ask += 1) {
      say({ word: 'ask', call: 1, ask, grant: 'word', text: '[]' });
    }
    assert.equal(vm.alive, true);
    say({ word: 'ask', call: 1, ask: 18, grant: 'word', text: '[]' });
    await assert.rejects(running, { code: 'script.lost' });
    assert.equal(vm.alive, false);
  });

  it('does not wait for ever for the code to begin', async () => {
    const { clock, begin } = await scene();
    const never = begin();
    await clock.advance(30_000);
    await assert.rejects(never, { code: 'script.lost' });
  });

  it('is ended when the call is given up, or what it emits cannot be taken', async () => {
    const { begin, kills, vm } = await scene();
    const leaving = new AbortController();
    const given = begin({ signal: leaving.signal });
    leaving.abort(new Error('given up'));
    await assert.rejects(given, /given up/);
    assert.deepEqual([kills(), vm.alive], [1, false]);
    await assert.rejects(vm.run({} as ScriptCall), { code: 'script.lost' });

    const full = await scene();
    const refused = full.begin({
      onValue: () => {
        throw new Error('no room');
      },
    });
    full.say({ word: 'value', call: 1, text: '1' });
    await assert.rejects(refused, /no room/);
    assert.equal(full.vm.alive, false);
  });

  it('is not used again when a call left a grant open, or was not clean', async () => {
    const open = await scene();
    const asked = open.begin({ grant: () => new Promise<string>(() => {}) });
    open.say({ word: 'ask', call: 1, ask: 1, grant: 'word', text: '[]' });
    open.say({ word: 'done', call: 1, text: null });
    assert.equal(await asked, null);
    assert.equal(open.vm.alive, false);

    const dirty = await scene();
    const threw = dirty.begin();
    dirty.say({ word: 'failed', call: 1, fault: { kind: 'threw', message: 'x' }, clean: false });
    await assert.rejects(threw, { code: 'script.failed' });
    assert.equal(dirty.vm.alive, false);
  });

  it('answers grants to the call that asked, and to no later one', async () => {
    const { begin, say, orders } = await scene();
    const late = Promise.withResolvers<string>();
    const first = begin({ grant: () => late.promise });
    say({ word: 'ask', call: 1, ask: 1, grant: 'word', text: '[]' });
    say({ word: 'failed', call: 1, fault: { kind: 'threw', message: 'x' }, clean: true });
    await assert.rejects(first);
    late.resolve('"late"');
    await settled();
    assert.deepEqual(
      orders.filter(({ order }) => order === 'answer'),
      [],
    );
  });

  it('fails with what killed it, and holds the process only during a call', async () => {
    const { begin, die, held, vm } = await scene();
    assert.equal(held(), false);
    const running = begin();
    assert.equal(held(), true);
    die({ kind: 'memory', message: '' });
    await stopped(running, 'memoryBytes');
    assert.deepEqual([vm.alive, held()], [false, false]);
  });

  it('says why it could not be opened', async () => {
    const fault: VmFault = { kind: 'invalid', message: 'unexpected end', line: 3 };
    await assert.rejects(scene({ word: 'refused', fault }), {
      code: 'script.invalid',
      message: 'script x.lua:3 does not compile: unexpected end',
    });
  });
});
