/**
 * A function, a store in a file, a run that is started once however often it is asked for.
 *
 *   npm exec -- node --conditions=holdfast-source examples/01-first-run.ts
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineFunction, Holdfast } from 'holdfast';
import { z } from 'zod';

const greet = defineFunction({
  name: 'greet',
  input: z.object({ name: z.string() }),
  run: async ({ name }, ctx) => {
    ctx.log.info('greeting', { attempt: ctx.attempt });
    return `hello, ${name}`;
  },
});

const folder = await mkdtemp(join(tmpdir(), 'holdfast-example-'));
const store = join(folder, 'greetings.db');
{
  await using hf = await Holdfast.open({ store, functions: [greet] });
  const run = await hf.start(greet, { name: 'Ada' }, { id: 'greet-ada' });
  // From here on the run is in the file: it will reach an outcome, whatever crashes.
  console.log(await run.result());
}
{
  // Another process, another day: the same id is the same run, and its result is still there.
  await using hf = await Holdfast.open({ store, functions: [greet] });
  const again = await hf.start(greet, { name: 'Ada' }, { id: 'greet-ada' });
  console.log(again.created ? 'a new run' : 'the same run', 'says', await again.result());

  const { lines } = await hf.runs.logs('greet-ada');
  console.log('it logged:', lines.map((line) => line.message).join(', '));
}
await rm(folder, { recursive: true });
