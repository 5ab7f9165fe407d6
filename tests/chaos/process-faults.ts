/**
 * Owns the faults of processes: killed, frozen past the lease, frozen for a moment, drained.
 */
import { within } from '../process/wait.ts';
import type { Crew, Worker } from './crew.ts';
import type { Battle, Fault } from './nemesis.ts';
import { pause } from './pause.ts';

const drainMsMax = 60_000;

/** What the faults need to know. */
export interface ProcessTerms {
  readonly crew: Crew;
  readonly leaseTtlMs: number;
  /** See Place. */
  readonly leaseOverMs: number;
  /** Freezes at a moment at which the process holds nothing that would stop everybody. */
  readonly between: (freeze: () => Promise<void>) => Promise<void>;
}

/** The deck of processes. */
export function processFaults({
  crew,
  leaseTtlMs,
  leaseOverMs,
  between,
}: ProcessTerms): readonly Fault[] {
  const some = ({ random }: Battle): Worker => random.pick(crew.workers);
  const freezeFor = async (battle: Battle, ms: number): Promise<number> => {
    const worker = some(battle);
    const { who } = worker;
    await between(() => worker.freeze(battle.pen));
    await pause(ms, battle.signal);
    worker.thaw(battle.pen);
    return worker.who === who ? 1 : 0;
  };
  return [
    {
      kind: 'kill',
      cards: 3,
      async strike(battle) {
        const worker = some(battle);
        await worker.kill(battle.pen);
        await pause(battle.random.int(leaseTtlMs), battle.signal);
        worker.start();
        return 1;
      },
    },
    {
      kind: 'freeze-past-lease',
      cards: 3,
      strike: (battle) =>
        freezeFor(battle, battle.random.between(leaseOverMs * 1.2, leaseOverMs * 1.8)),
    },
    {
      kind: 'freeze-briefly',
      cards: 1,
      strike: (battle) => freezeFor(battle, battle.random.int(leaseTtlMs * 0.7)),
    },
    {
      kind: 'drain',
      cards: 1,
      async strike() {
        const worker = crew.workers.at(0);
        if (worker === undefined) return 0;
        // The first in the line goes to its end, so that all are drained in turn.
        crew.workers.push(...crew.workers.splice(0, 1));
        await within(drainMsMax, `${worker.who} drains`, worker.close(drainMsMax));
        worker.start();
        return 1;
      },
    },
  ];
}
