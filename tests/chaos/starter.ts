/**
 * A process of a chaos run that starts runs and looks at them, and executes nothing: several
 * callers at once. Some ids are shared by all starters, so that they meet on them.
 */
import { Holdfast, type Log } from 'holdfast';
import { seededRandom } from '../../src/testing/index.ts';
import { answerOf, Caller, type CallerScene, drawRun } from './caller.ts';
import { chaosFunctions } from './functions.ts';
import { openPen, scribe } from './ledger.ts';
import { pause } from './pause.ts';

/** How a starter is to work; on its command line as JSON. */
export interface StarterOrder {
  readonly store: string;
  readonly ledgerPath: string;
  readonly who: string;
  readonly seed: number;
  readonly callers: number;
}

export interface StarterAsk {
  readonly ask: 'finish';
}

export interface StarterWord {
  readonly said: 'ready';
}

/** Every so many ids is one that all starters use, and with the same input. */
const sharedEvery = 8;
const retryMs = 100;

const { store, ledgerPath, who, seed, callers } = JSON.parse(
  process.argv[2] ?? '{}',
) as StarterOrder;
process.on('disconnect', () => process.exit(1));
const say = (word: StarterWord): void => void process.send?.(word, () => {});
const pen = openPen(ledgerPath, who);
// What a starter has to say of outages is in the ledger.
const log: Log = { log: () => {} };

let stopped = false;
process.on('message', ({ ask }: StarterAsk) => {
  stopped ||= ask === 'finish';
});

async function open(): Promise<Holdfast> {
  for (;;) {
    try {
      return await Holdfast.open({ store, functions: chaosFunctions(null), execute: false, log });
    } catch {
      await pause(retryMs);
    }
  }
}

const hf = await open();
say({ said: 'ready' });
const random = seededRandom(seed);
let count = 0;
const scene: Omit<CallerScene, 'random'> = {
  ...{ hf, pen, open: new Set<string>(), stopped: () => stopped },
  next() {
    count += 1;
    const shared = count % sharedEvery === 0;
    if (!shared) return { id: `${who}-${count}`, ...drawRun(random, count) };
    return { id: `shared-${count}`, ...drawRun(seededRandom(count), count) };
  },
};
const write = scribe(pen, answerOf);
const crew = Array.from({ length: callers }, () =>
  new Caller({ ...scene, random: random.fork() }, write).work(),
);
await Promise.all(crew);
await hf.close();
process.exit(0);
