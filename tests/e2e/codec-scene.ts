/**
 * A run that says a secret wherever it can, and the stores in which nobody must find it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  type AnyFunction,
  aesGcm,
  defineFunction,
  Holdfast,
  type Log,
  type OpenOptions,
  type Run,
  type RunHandle,
} from 'holdfast';
import { testServer } from '../postgres/server.ts';
import { temporaryFolder } from './call.ts';

/** Stands in no word of ours. */
export const secret = 'kingfisher-4711';

/** 32 bytes that a test can tell apart. */
export const keyOf = (word: string): Uint8Array => Buffer.alloc(32, word);
const matchKey = keyOf('match');

/** A cipher with keys of these ids, the first of which seals. */
export const cipherOf = (...ids: readonly string[]) =>
  aesGcm({ keys: ids.map((id) => ({ id, key: keyOf(id) })), matchKey });

/** A place for a store whose bytes can be read behind its back. */
export interface OpenPlace extends AsyncDisposable {
  readonly store: string;
  /** Everything that the store keeps, as text. */
  contents(): Promise<string>;
}

/** Stores whose contents can be looked at. */
export const places: Readonly<Record<string, () => Promise<OpenPlace>>> = {
  sqlite: async () => {
    const folder = temporaryFolder();
    const store = folder.at('codec.db');
    return {
      store,
      contents: async () => everyFileIn(dirname(store)),
      [Symbol.asyncDispose]: async () => folder[Symbol.dispose](),
    };
  },
  postgres: async () => {
    const server = await testServer();
    const { url, schema, drop } = server.freshSchema();
    return {
      store: url,
      [Symbol.asyncDispose]: drop,
      async contents() {
        const tables = await server.query(
          'select table_name as name from information_schema.tables where table_schema = $1',
          [schema],
        );
        const rows = tables.map(({ name }) =>
          server.query(`select t::text as row from "${schema}"."${String(name)}" t`),
        );
        return JSON.stringify([tables, await Promise.all(rows)]);
      },
    };
  },
};

/** The database, its log of writes, and whatever else lies beside it. */
function everyFileIn(folder: string): string {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = found.filter((one) => one.isFile());
  return files.map((one) => readFileSync(join(one.parentPath, one.name), 'latin1')).join('\n');
}

/** What a runtime and all its processes said. */
export function heardLog(): Log & { readonly said: string[] } {
  const said: string[] = [];
  return { said, log: (...words) => said.push(JSON.stringify(words)) };
}

/** A runtime on the place. */
export const openOn = (
  place: { readonly store: string },
  functions: readonly AnyFunction[],
  more: Partial<OpenOptions> = {},
): Promise<Holdfast> =>
  Holdfast.open({ store: place.store, functions, drainGraceMs: 0, pollMs: 50, ...more });

/** Says the secret everywhere, fails once, and waits for an event and for a decision. */
export const talker = defineFunction({
  name: 'talker',
  retry: { attemptsMax: 2, delayMs: 1, jitter: 0 },
  run: async (input: { readonly word: string }, ctx) => {
    const { word } = input;
    ctx.log.info(`it is ${word}`, { word });
    ctx.progress({ word });
    const step = await ctx.step('say', () => ({ word }));
    const caught = await ctx
      .step('fail', () => Promise.reject(new Error(`not ${word}`)), { retry: false })
      .catch((error: Error) => error.message);
    if (ctx.attempt === 1) throw new Error(`the first time ${word} fails`);
    const event = await ctx.waitFor<{ word: string }>('told', { match: { 'who.name': word } });
    const approval = await ctx.approval('may it');
    const { state, data } = await approval.decision();
    return { word, step, caught, heard: event?.data.word, state, data };
  },
});

/** What it gives. */
export const talked = {
  word: secret,
  step: { word: secret },
  caught: `not ${secret}`,
  heard: `heard ${secret}`,
  state: 'approved',
  data: { because: secret },
};

/** Fails for good with the secret in its words. */
export const mourner = defineFunction({
  name: 'mourner',
  retry: false,
  run: (word: string) => Promise.reject(new Error(`no more ${word}`)),
});

/** Looks until the run stands so. */
export async function until(run: RunHandle, holds: (found: Run) => boolean): Promise<Run> {
  for (;;) {
    const found = await run.get();
    if (found !== null && holds(found)) return found;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Starts a talker, tells it what it waits for, and gives its result. */
export async function talk(hf: Holdfast, id: string): Promise<unknown> {
  const run = await hf.start(talker, { word: secret }, { id });
  await until(run, ({ status }) => status === 'parked');
  await hf.emit('told', { who: { name: 'somebody else' }, word: 'wrong' });
  await hf.emit('told', { who: { name: secret }, word: `heard ${secret}` });
  const token = await tokenOf(hf, run);
  await hf.approvals.approve(token, { by: secret, data: { because: secret } });
  return run.result({ timeoutMs: 20_000 });
}

/** The token of the decision that a run waits for, once it does. */
async function tokenOf(hf: Holdfast, run: RunHandle): Promise<string> {
  for (;;) {
    const { steps } = await hf.runs.steps(run.id);
    const token = steps.find((step) => step.state === 'waiting' && step.token !== null)?.token;
    if (token !== undefined && token !== null) return token;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
