/**
 * The contract of `Bus`: what every adapter must do, whoever wakes whom.
 *
 * Nothing here sleeps. That something does not happen is shown by something later that does: wake-
 * ups of one pair of buses arrive in the order of their topics' writes.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Bus, BusTopic } from '../../../src/ports/bus.ts';
import { busTopics } from '../../../src/ports/bus.ts';

/** A bus on the same store that lives elsewhere, as far from here as the adapter reaches. */
export interface FarBus {
  publish(topic: BusTopic, times?: number): Promise<void>;
  /** Resolves at the first wake-up of the topic after this call was answered. */
  listen(topic: BusTopic): Promise<{ readonly heard: Promise<void> }>;
}

/** One store, and buses on it. */
export interface BusWorld {
  open(): Bus | Promise<Bus>;
  far(): Promise<FarBus>;
  close(): Promise<void>;
}

/** Counts wake-ups, and lets a test wait for the next one. */
export class Ear {
  calls = 0;
  #next = Promise.withResolvers<void>();

  readonly listener = (): void => {
    this.calls += 1;
    this.#next.resolve();
    this.#next = Promise.withResolvers<void>();
  };

  next(): Promise<void> {
    return this.#next.promise;
  }
}

const waitsAtMost = { timeout: 60_000 };

/** The contract, on one adapter. */
export function busContract(name: string, makeWorld: () => Promise<BusWorld>): void {
  describe(`the bus contract on ${name}`, waitsAtMost, () => {
    let world: BusWorld;
    let bus: Bus;
    beforeEach(async () => {
      world = await makeWorld();
      bus = await world.open();
    });
    afterEach(async () => {
      await bus.close();
      await world.close();
    });
    wakeUps(() => ({ world, bus }));
    bounds(() => ({ world, bus }));
    endings(() => ({ world, bus }));
  });
}

type Scene = () => { readonly world: BusWorld; readonly bus: Bus };

function wakeUps(scene: Scene): void {
  for (const topic of busTopics) {
    it(`wakes a listener elsewhere, and is woken from elsewhere, about '${topic}'`, async () => {
      const { world, bus } = scene();
      const far = await world.far();
      const { heard } = await far.listen(topic);
      bus.publish(topic);
      await heard;
      const ear = new Ear();
      bus.subscribe(topic, ear.listener);
      const woken = ear.next();
      await far.publish(topic);
      await woken;
    });
  }

  it('wakes its own listeners, but never from inside publish', async () => {
    const { bus } = scene();
    const ear = new Ear();
    bus.subscribe('ready', ear.listener);
    const woken = ear.next();
    bus.publish('ready');
    assert.equal(ear.calls, 0);
    await woken;
  });

  it('wakes the other buses of the same process', async () => {
    const { world, bus } = scene();
    const other = await world.open();
    const ear = new Ear();
    other.subscribe('stop', ear.listener);
    const woken = ear.next();
    bus.publish('stop');
    await woken;
    await other.close();
  });

  it('says nothing to the listeners of another topic', async () => {
    const { world, bus } = scene();
    const far = await world.far();
    const [ready, done] = [new Ear(), new Ear()];
    bus.subscribe('ready', ready.listener);
    bus.subscribe('done', done.listener);
    const woken = done.next();
    await far.publish('done');
    await woken;
    assert.deepEqual([ready.calls, done.calls], [0, 1]);
  });

  it('U1: keeps no wake-up for a listener that comes later', async () => {
    const { world, bus } = scene();
    const far = await world.far();
    const [early, ready, done] = [new Ear(), new Ear(), new Ear()];
    bus.subscribe('stop', early.listener);
    const arrived = early.next();
    await far.publish('ready');
    await far.publish('stop');
    await arrived;
    bus.subscribe('ready', ready.listener);
    bus.subscribe('done', done.listener);
    const woken = done.next();
    await far.publish('done');
    await woken;
    assert.equal(ready.calls, 0);
  });

  it('U2: whoever is woken can see what was done before publish', async () => {
    const { bus } = scene();
    let committed = 0;
    const seen = new Promise<number>((resolve) => {
      bus.subscribe('done', () => resolve(committed));
    });
    committed = 7;
    bus.publish('done');
    assert.equal(await seen, 7);
  });

  it('calls the other listeners when one throws', async () => {
    const { bus } = scene();
    const ear = new Ear();
    bus.subscribe('ready', () => {
      throw new Error('listener');
    });
    bus.subscribe('ready', ear.listener);
    const woken = ear.next();
    bus.publish('ready');
    await woken;
  });

  it('hears a wake-up that its own listener sent', async () => {
    const { bus } = scene();
    let calls = 0;
    await new Promise<void>((resolve) => {
      bus.subscribe('ready', () => {
        calls += 1;
        if (calls < 3) bus.publish('ready');
        else resolve();
      });
      bus.publish('ready');
    });
  });
}

function bounds(scene: Scene): void {
  it('makes one wake-up of many calls in a moment', async () => {
    const { world, bus } = scene();
    const far = await world.far();
    const [own, other] = [new Ear(), new Ear()];
    bus.subscribe('ready', own.listener);
    bus.subscribe('done', other.listener);
    const ownWoken = own.next();
    for (let i = 0; i < 10_000; i++) bus.publish('ready');
    await ownWoken;
    assert.equal(own.calls, 1);

    const calls: number[] = [];
    const remote = new Ear();
    bus.subscribe('stop', remote.listener);
    const remoteWoken = remote.next();
    await far.publish('stop', 10_000);
    await remoteWoken;
    const ended = other.next();
    await far.publish('done');
    await ended;
    calls.push(own.calls, remote.calls);
    // The first at once and the last a moment later: two, and a few more where the process was
    // taken off its core in between.
    assert.ok(own.calls <= 5 && remote.calls <= 5, `own and far wake-ups: ${calls}`);
  });

  it('does not double its own wake-ups', async () => {
    const { world, bus } = scene();
    const far = await world.far();
    const [ready, done] = [new Ear(), new Ear()];
    bus.subscribe('ready', ready.listener);
    bus.subscribe('done', done.listener);
    const { heard } = await far.listen('ready');
    bus.publish('ready');
    await heard;
    const woken = done.next();
    await far.publish('done');
    await woken;
    assert.equal(ready.calls, 1);
  });
}

function endings(scene: Scene): void {
  it('calls nobody after unsubscribing, which may be done twice', async () => {
    const { bus } = scene();
    const [gone, kept] = [new Ear(), new Ear()];
    const unsubscribe = bus.subscribe('ready', gone.listener);
    bus.subscribe('ready', kept.listener);
    bus.publish('ready');
    unsubscribe();
    unsubscribe();
    await kept.next();
    assert.equal(gone.calls, 0);
  });

  it('does not call a listener that another one removed just before', async () => {
    const { bus } = scene();
    const [first, gone, last] = [new Ear(), new Ear(), new Ear()];
    bus.subscribe('ready', () => leave());
    bus.subscribe('ready', first.listener);
    const leave = bus.subscribe('ready', gone.listener);
    bus.subscribe('ready', last.listener);
    const woken = last.next();
    bus.publish('ready');
    await woken;
    assert.deepEqual([first.calls, gone.calls], [1, 0]);
  });

  it('subscribes again after the last listener left', async () => {
    const { world, bus } = scene();
    const far = await world.far();
    bus.subscribe('ready', () => {})();
    const ear = new Ear();
    bus.subscribe('ready', ear.listener);
    const woken = ear.next();
    await far.publish('ready');
    await woken;
  });

  it('neither calls, throws, nor wakes anybody after close, which may be done twice', async () => {
    const { world } = scene();
    const far = await world.far();
    const bus = await world.open();
    const other = await world.open();
    const [gone, ready, done] = [new Ear(), new Ear(), new Ear()];
    bus.subscribe('ready', gone.listener);
    other.subscribe('ready', ready.listener);
    other.subscribe('done', done.listener);
    await bus.close();
    await bus.close();
    bus.publish('ready');
    bus.subscribe('done', gone.listener)();
    const woken = done.next();
    await far.publish('done');
    await woken;
    assert.deepEqual([gone.calls, ready.calls], [0, 0]);
    await other.close();
  });
}
