/**
 * Owns wake-ups that get lost, doubled and late, as the port's U1 allows.
 */
import type { Bus, BusTopic } from '../ports/bus.ts';
import type { Clock } from '../ports/clock.ts';

/** When a listener hears of one wake-up: a delay in milliseconds each time, or never. */
export type WakeUpFault = readonly number[];

/** Decides what becomes of each wake-up at each listener. */
export interface BusFaultPlan {
  readonly clock: Clock;
  /** Null: it comes as it would. `[]`: lost. `[0, 5]`: at once, and 5 ms later again. */
  decide(topic: BusTopic): WakeUpFault | null;
}

/** A bus whose wake-ups come as `plan` decides; different delays reorder them. */
export function faultyBus(bus: Bus, plan: BusFaultPlan): Bus {
  return {
    publish: (topic) => bus.publish(topic),
    subscribe: (topic, listener) => {
      let open = true;
      const hear = (): void => {
        if (open) listener();
      };
      const end = bus.subscribe(topic, () => {
        const fault = plan.decide(topic);
        if (fault === null) hear();
        else for (const delayMs of fault) plan.clock.after(delayMs, hear);
      });
      return () => {
        open = false;
        end();
      };
    },
    close: () => bus.close(),
  };
}
