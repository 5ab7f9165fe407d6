import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { BusTopic } from '../../ports/bus.ts';
import { SimulatedClock } from '../../testing/simulated-clock.ts';
import { Notifier, notifyEveryMs, type Send } from './notifier.ts';

type Answer = Awaited<ReturnType<Send>>;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the notifier', () => {
  let clock: SimulatedClock;
  let notifier: Notifier;
  let sent: (readonly BusTopic[])[];
  let answer: (became: Answer) => void;
  const send: Send = (topics) => {
    sent.push(topics);
    return new Promise((resolve) => {
      answer = resolve;
    });
  };
  const answered = async (became: Answer): Promise<void> => {
    answer(became);
    await turn();
  };

  beforeEach(() => {
    clock = new SimulatedClock();
    sent = [];
    notifier = new Notifier(clock);
  });

  it('N1: sends all topics of a moment in one, as soon as the event loop turns', async () => {
    notifier.connected(send);
    for (let i = 0; i < 100; i++) notifier.add(i % 2 === 0 ? 'ready' : 'done');
    assert.deepEqual(sent, []);
    await turn();
    assert.deepEqual(sent, [['ready', 'done']]);
  });

  it('N1: has one under way, and starts the next after its time', async () => {
    notifier.connected(send);
    notifier.add('ready');
    await turn();
    notifier.add('done');
    await clock.advance(notifyEveryMs * 2);
    await turn();
    assert.equal(sent.length, 1);
    await answered('sent');
    await turn();
    assert.deepEqual(sent, [['ready'], ['done']]);
    await answered('sent');
    notifier.add('stop');
    await turn();
    assert.equal(sent.length, 2);
    await clock.advance(notifyEveryMs);
    assert.deepEqual(sent.at(2), ['stop']);
  });

  it('N2: keeps what is due until there is a connection, and over a lost one', async () => {
    notifier.add('ready');
    await turn();
    assert.equal(sent.length, 0);
    notifier.connected(send);
    await turn();
    notifier.add('nodes');
    await answered('lost');
    await clock.advance(60_000);
    await turn();
    assert.deepEqual(sent, [['ready']]);
    notifier.connected(send);
    await turn();
    assert.deepEqual(sent.at(1)?.toSorted(), ['nodes', 'ready']);
    await answered('sent');
    await clock.advance(60_000);
    await turn();
    assert.equal(sent.length, 2);
  });

  it('N3: lets somebody tell in its place, when it is time for a notification', async () => {
    notifier.connected(send);
    assert.equal(notifier.takeTurn(), true);
    assert.equal(notifier.takeTurn(), false);
    notifier.add('ready');
    await turn();
    assert.deepEqual(sent, [], 'the turn is taken');
    await clock.advance(notifyEveryMs);
    assert.deepEqual(sent, [['ready']]);
    assert.equal(notifier.takeTurn(), false);
    await clock.advance(notifyEveryMs);
    assert.equal(notifier.takeTurn(), true);
  });

  it('N4: tries again after a while what the server refused', async () => {
    notifier.connected(send);
    notifier.add('ready');
    await turn();
    await answered('refused');
    notifier.add('done');
    await clock.advance(900);
    await turn();
    assert.equal(sent.length, 1);
    await clock.advance(100);
    assert.deepEqual(sent.at(1)?.toSorted(), ['done', 'ready']);
  });

  it('drains what is due, also behind what is under way', async () => {
    notifier.connected(send);
    notifier.add('ready');
    await turn();
    notifier.add('done');
    const drained = notifier.drain();
    await answered('sent');
    assert.deepEqual(sent, [['ready'], ['done']]);
    await answered('sent');
    await drained;
    notifier.lost();
    notifier.add('ready');
    await notifier.drain();
    assert.equal(sent.length, 2);
  });
});
