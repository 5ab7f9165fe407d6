/**
 * One seat of a contestant in the benchmark `postgres`: a process that starts jobs, executes them,
 * or both. Which contestant it is, is all that it is opened with; the place comes with each
 * question.
 *
 * S1 What was executed is kept as numbers: how often each, when the first, how long after its
 *    start. The parent puts the seats together and verifies.
 */
import type { Answer, Ask, Case, OpenCase } from '../case.ts';
import { type Contestant, contestantOf, type Place } from '../postgres/contestant.ts';
import { Executing } from '../postgres/executing.ts';
import type { Entry } from '../postgres/roster.ts';
import { Starting } from '../postgres/starting.ts';

type Params = Ask & { readonly side: Entry['side'] };

export const openCase: OpenCase<Params> = async ({ side }, tell) => {
  const seat = new Seat(await contestantOf(side), tell);
  return { ask: (ask) => seat.ask(ask), close: () => seat.leave() };
};

class Seat implements Case {
  readonly #contestant: Contestant;
  readonly #starting: Starting;
  readonly #executing: Executing;

  constructor(contestant: Contestant, tell: (event: Answer) => void) {
    this.#contestant = contestant;
    this.#starting = new Starting(contestant);
    this.#executing = new Executing(contestant, tell);
  }

  async ask(ask: Ask): Promise<Answer> {
    const place = ask.place as Place;
    switch (ask.do) {
      case 'prepare':
        await this.#contestant.prepare(place);
        return {};
      case 'survey':
        return { ...(await this.#contestant.survey(place)) };
      case 'flush':
        await (await import('../postgres/systems/bullmq.ts')).flush(place);
        return {};
      default:
        return (await this.#starting.ask(ask)) ?? (await this.#executing.ask(ask)) ?? refuse(ask);
    }
  }

  async leave(): Promise<void> {
    await this.#starting.close();
    await this.#executing.close();
  }

  close(): Promise<void> {
    return this.leave();
  }
}

function refuse(ask: Ask): never {
  throw new Error(`the seat does not know '${ask.do}'`);
}
