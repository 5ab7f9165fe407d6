/**
 * The other process of the contract, as it sees itself: it publishes and listens as it is told over
 * IPC, and says with the host's monotonic clock when it did.
 */
import type { Bus, BusTopic } from '../../../src/ports/bus.ts';
import { systemClock } from '../../../src/system/clock.ts';

/** What the test asks for. */
export type Order =
  | { readonly do: 'publish'; readonly topic: BusTopic; readonly times: number }
  | { readonly do: 'listen'; readonly topic: BusTopic }
  | { readonly do: 'end' };

/** What this process answers: `done` for each order, `heard` for each wake-up. */
export type Answer = {
  readonly did: 'done' | 'heard';
  readonly topic: BusTopic;
  readonly at: number;
};

const clock = systemClock();

const say = (did: Answer['did'], topic: BusTopic, at: number = clock.mono()): void => {
  process.send?.({ did, topic, at } satisfies Answer);
};

/** Obeys until the end. */
export function serve(bus: Bus): void {
  process.on('message', (order: Order) => {
    if (order.do === 'end') {
      void bus.close().then(() => process.disconnect());
      return;
    }
    const { topic } = order;
    if (order.do === 'listen') {
      bus.subscribe(topic, () => say('heard', topic));
      say('done', topic);
      return;
    }
    const before = clock.mono();
    for (let i = 0; i < order.times; i++) bus.publish(topic);
    say('done', topic, before);
  });
}
