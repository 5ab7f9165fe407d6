/**
 * A run that is told things while it goes on, answers each, and says how far it is. It holds no
 * slot while it waits, and gives each signal one answer, whatever crashes.
 *
 *   npm exec -- node --conditions=holdfast-source examples/15-signals.ts
 */
import { defineFunction, Holdfast } from 'holdfast';
import { z } from 'zod';

const auction = defineFunction({
  name: 'auction',
  signals: { bid: z.object({ by: z.string(), cents: z.int().min(1) }), close: null },
  run: async (what: string, ctx) => {
    let best = { by: 'nobody', cents: 0 };
    for (;;) {
      ctx.state.set('best', best);
      const signal = await ctx.waitForSignal<typeof best>(['bid', 'close'], { timeoutMs: 60_000 });
      if (signal === null || signal.name === 'close') break;
      if (signal.data.cents <= best.cents) {
        await signal.refuse(`${best.by} bids ${best.cents}`);
        continue;
      }
      best = signal.data;
      await signal.accept();
    }
    return `${what} goes to ${best.by} for ${best.cents}`;
  },
});

// One slot is enough: whoever waits does not hold it.
await using hf = await Holdfast.open({ store: 'memory:', functions: [auction], slots: 1 });
const run = await hf.start(auction, 'the piano');

for (const bid of [
  { by: 'ada', cents: 500 },
  { by: 'bea', cents: 400 },
  { by: 'cid', cents: 900 },
]) {
  // Under an id it is one bid, however often it is sent.
  const sent = await hf.runs.signal(run.id, 'bid', bid, { id: `bid of ${bid.by}` });
  const answer = await sent.answer();
  console.log(bid.by, answer.state, answer.state === 'refused' ? answer.reason : '');
}

const wrong = await hf.runs
  .signal(run.id, 'bid', { by: 'dan', cents: 'much' })
  .catch((error: { code: string }) => error.code);
console.log(`dan: ${wrong}`);

const [best] = await hf.runs.state(run.id);
console.log('so far:', best?.value);
await hf.runs.signal(run.id, 'close');
console.log(await run.result());
