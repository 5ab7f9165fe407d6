/**
 * The same program on a PostgreSQL database: two nodes share the work of one store, one of them
 * leaves in the middle of it, and every run ends once. Usually they are two machines; here they are
 * two runtimes of one process.
 *
 *   export DATABASE_URL=postgres://localhost/app
 *   npm exec -- node --conditions=holdfast-source examples/05-postgres.ts
 */
import { setTimeout as work } from 'node:timers/promises';
import { defineFunction, Holdfast } from 'holdfast';

const url = process.env.DATABASE_URL ?? 'postgres://localhost/app';
const store = { url, schema: 'example_05' };

/** A node of its own name, which leaves its name in each result. */
function openNode(name: string): Promise<Holdfast> {
  const count = defineFunction({
    name: 'words.count',
    run: async (text: string) => {
      await work(20);
      return { node: name, words: text.split(' ').length };
    },
  });
  return Holdfast.open({ store, name, functions: [count], slots: 2 });
}

const north = await openNode('north');
const south = await openNode('south');

// Whoever starts runs needs no definition: a node told the store what it hosts.
await using desk = await Holdfast.open({ store });
const texts = Array.from({ length: 40 }, (_, n) => ({ input: 'holdfast '.repeat(n + 1).trim() }));
const started = await desk.startMany('words.count', texts);
const results = started.map(async (one) => {
  if (!one.ok) throw one.error;
  return (await one.run.result()) as { readonly node: string; readonly words: number };
});

// North leaves as soon as something has ended: what it had not begun is done by south.
await Promise.race(results);
await north.close();
const ended = await Promise.all(results);
const nodes = new Set(ended.map(({ node }) => node));
console.log('who worked:', [...nodes].sort().join(' and '));
console.log(
  'words counted:',
  ended.map(({ words }) => words).reduce((sum, n) => sum + n, 0),
);

const { runs } = await desk.runs.list({ fn: 'words.count', outcome: 'succeeded', limit: 40 });
console.log('runs with one result each:', runs.length);
await south.close();
