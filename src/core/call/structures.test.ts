/** Routes, tombstones and the order of slots, each beside the plain thing that it stands for. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Ranked, ReadyQueue } from './ready-queue.ts';
import { Routes } from './routes.ts';
import { laneKeyOf } from './terms.ts';
import { Tombstones } from './tombstones.ts';

describe('tombstones', () => {
  it('remember an id for their time, and no more than their bound', () => {
    const action = fc.record({ id: fc.constantFrom('a', 'b', 'c', 'd', 'e'), ms: fc.nat(40) });
    fc.assert(
      fc.property(fc.integer({ min: 5, max: 8 }), fc.array(action), (max, actions) => {
        const tombstones = new Tombstones(100, max);
        const until = new Map<string, number>();
        let now = 0;
        for (const { id, ms } of actions) {
          now += ms;
          const known = (until.get(id) ?? 0) > now;
          assert.equal(tombstones.has(id, now), known);
          if (!known) {
            tombstones.add(id, now);
            until.set(id, now + 100);
          }
          assert.ok(tombstones.size <= max);
        }
      }),
    );
    const many = new Tombstones(100, 1_000);
    for (let n = 0; n < 100; n += 1) many.add(`id-${n}`, 0);
    for (let n = 0; n < 40; n += 1) many.add(`later-${n}`, 200);
    assert.equal(many.size, 40);
    const one = new Tombstones(100, 1);
    one.add('a', 0);
    one.add('b', 0);
    assert.deepEqual([one.has('a', 0), one.has('b', 0), one.size], [false, true, 1]);
    const none = new Tombstones(100, 0);
    none.add('a', 0);
    assert.equal(none.has('a', 0), false);
  });
});

describe('the order of slots', () => {
  it('is that of ranks, then of coming, whoever leaves meanwhile', () => {
    const action = fc.oneof(
      fc.nat(5),
      fc.constant('shift' as const),
      fc.record({ leave: fc.nat() }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
        const queue = new ReadyQueue<Ranked>();
        let model: Ranked[] = [];
        let order = 0;
        for (const one of actions) {
          if (typeof one === 'number') {
            order += 1;
            const made = { rank: one, order, slotAt: -1 };
            queue.push(made);
            model.push(made);
            model.sort((a, b) => a.rank - b.rank || a.order - b.order);
          } else if (one === 'shift') assert.equal(queue.shift(), model.shift() ?? null);
          else {
            const gone = model[one.leave % Math.max(1, model.length)];
            if (gone === undefined) continue;
            queue.remove(gone);
            queue.remove(gone);
            model = model.filter((other) => other !== gone);
          }
          assert.equal(queue.size, model.length);
        }
        while (model.length > 0) assert.equal(queue.shift(), model.shift());
      }),
    );
  });
});

describe('routes', () => {
  it('keep nothing of a name whose last prefix is gone', () => {
    const routes = new Routes<string>();
    assert.equal(routes.setPrefix('n', 'a:', 'of a'), true);
    routes.set('m', 'of m');
    assert.deepEqual(
      [routes.at('n', 'a:'), routes.at('n', null), routes.at('x', null)],
      [...['of a', null, null]],
    );
    assert.deepEqual(routes.targets(), ['of a', 'of m']);
    assert.equal(routes.removePrefix('n', 'a:'), true);
    assert.deepEqual(routes.names(), [['m', []]]);
    assert.deepEqual(routes.targets(), ['of m']);
  });

  it('find the one prefix that fits', () => {
    const routes = new Routes<string>();
    routes.set('plain', 'plain');
    assert.deepEqual(routes.find('plain', 'word'), { ok: true, target: 'plain', prefix: null });
    assert.equal(routes.setPrefix('plain', 'a:', 'A'), true);
    assert.equal(routes.setPrefix('plain', 'bcd:', 'B'), true);
    assert.equal(routes.setPrefix('plain', 'a', 'too wide'), false);
    assert.equal(routes.setPrefix('plain', 'bcd:e', 'too narrow'), false);
    assert.deepEqual(routes.find('plain', 'bcd:x'), { ok: true, target: 'B', prefix: 'bcd:' });
    assert.deepEqual(routes.find('plain', 'x'), { ok: false, missing: 'route' });
    assert.equal(routes.removePrefix('plain', 'a:'), true);
    assert.equal(routes.removePrefix('plain', 'bcd:'), true);
    assert.deepEqual(routes.find('plain', 'x'), { ok: true, target: 'plain', prefix: null });
    assert.deepEqual(routes.names(), [['plain', []]]);
  });
});

describe('the lane of a call', () => {
  it('is that of its function where it cannot be computed', () => {
    const broken = (): never => {
      throw new Error('broken');
    };
    assert.equal(
      laneKeyOf('fn', null, () => 'key'),
      'key',
    );
    assert.equal(
      laneKeyOf('fn', null, () => null),
      null,
    );
    assert.equal(
      laneKeyOf('fn', null, () => ''),
      'fn',
    );
    assert.equal(laneKeyOf('fn', null, broken), 'fn');
    assert.equal(
      laneKeyOf('fn', 'p:', () => null),
      'fn|p:',
    );
    assert.equal(laneKeyOf('fn', 'p:', broken), 'fn|p:');
    assert.equal(
      laneKeyOf('fn', 'p:', () => 'key'),
      'fn|p:\u0000key',
    );
  });
});
