/**
 * Flow control: one run out of many starts, a rate that is kept, code that takes batches, and what
 * is done with runs that ended badly.
 *
 *   npm exec -- node --conditions=holdfast-source examples/14-flow-control.ts
 */
import { type BatchItem, defineBatchFunction, defineFunction, Holdfast } from 'holdfast';

// Whatever is typed within a moment is one search, for the last word.
const search = defineFunction({
  name: 'search',
  flow: {
    debounce: { key: ({ user }: { user: string }) => user, quietMs: 500, maxMs: 5_000 },
  },
  run: ({ text }: { user: string; text: string }) => `results for '${text}'`,
});

const report = defineFunction({
  name: 'report',
  flow: { rateLimit: { max: 2, perMs: 60_000 } },
  run: () => 'sent',
});

let closed = true;
const post = defineBatchFunction({
  name: 'post',
  batch: { max: 4, waitMs: 50 },
  retry: false,
  run: (items: readonly BatchItem<number, string>[]) => {
    for (const item of items) {
      if (closed && item.input % 2 === 0) item.fail(new Error('the office is closed'));
      else item.succeed(`posted with ${items.length - 1} others`);
    }
  },
});

await using hf = await Holdfast.open({ store: 'memory:', functions: [search, report, post] });

// 1. Three starts, one run: each caller gets it, and it has the newest input.
const typed = [];
for (const text of ['h', 'ho', 'hold']) typed.push(await hf.start(search, { user: 'ada', text }));
const [first, , last] = typed;
console.log('one run:', last?.id === first?.id, last?.how);
console.log(await last?.result());

// 2. A rate, exact over all nodes; each start of many has its own verdict.
const verdicts = await hf.startMany(report, [{ input: null }, { input: null }, { input: null }]);
console.log(verdicts.map((one) => (one.ok ? 'sent' : one.error.code)).join(', '));

// 3. A batch: every item is a run of its own, with its own end.
const letters = await hf.startMany(
  post,
  [1, 2, 3, 4].map((input) => ({ input })),
);
for (const one of letters) {
  if (!one.ok) continue;
  const { kind, error } = await one.run.outcome();
  console.log(kind, error === null ? await one.run.result() : error.message);
}

// 4. What ended badly waits to be dealt with, and is tried again once.
closed = false;
const { matched, changed } = await hf.deadLetters.redriveWhere({ fn: 'post' });
console.log(`redrove ${changed} of ${matched}, left: ${(await hf.deadLetters.list()).runs.length}`);
