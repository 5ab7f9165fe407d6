import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, it } from 'node:test';
import { Holdfast } from 'holdfast';
import * as desk from './apps/desk.ts';
import { appPath, call, temporaryFolder } from './call.ts';
import type { Setting } from './recorded-io.ts';

const folder = temporaryFolder();
const store = folder.at('mistakes.db');
const app = ['--app', appPath('desk')];
const start = (...words: string[]) => ['start', 'desk.greet', ...words, '--store', store];

/** What is expected: the exit code, the code, and the two lines. */
interface Mistake {
  readonly title: string;
  readonly words: () => readonly string[];
  readonly exit: number;
  readonly code: string;
  readonly says: RegExp;
  readonly advises?: RegExp;
  readonly setting?: Setting;
}

/** A failure is two lines: what, with its code, and what to do. Never a stack. */
async function isRefused({ words, exit, code, says, advises, setting }: Mistake): Promise<void> {
  const called = await call(words(), setting);
  assert.equal(called.exit, exit, called.err);
  assert.equal(called.out, '');
  const lines = called.err.trimEnd().split('\n');
  const [what = '', advice = ''] = lines;
  assert.match(what, /^holdfast: /);
  assert.ok(what.endsWith(` [${code}]`), called.err);
  assert.match(what, says);
  assert.match(advice, advises ?? /^ {2}\S/);
  assert.equal(lines.length, 2, called.err);
}

const long = 'x'.repeat(201);
const name = '{"name":"Ada"}';

const mistakes: readonly Mistake[] = [
  {
    title: 'a command that does not exist, with the nearest one',
    words: () => ['strat'],
    ...{ exit: 2, code: 'request.invalid', says: /unknown command 'strat'. Did you mean start\?/ },
  },
  {
    title: 'an option that does not exist, with the nearest one',
    words: () => ['ls', '--limt', '3', '--store', store],
    ...{
      exit: 2,
      code: 'request.invalid',
      says: /unknown option '--limt'. Did you mean --limit\?/,
    },
  },
  {
    title: 'a missing argument',
    words: () => ['show', '--store', store],
    ...{ exit: 2, code: 'request.invalid', says: /missing required argument 'id'/ },
  },
  {
    title: 'a command without a store',
    words: () => ['ls'],
    ...{ exit: 2, code: 'request.invalid', says: /no store was given/ },
    advises: /--store .*HOLDFAST_STORE/,
  },
  {
    title: 'a store that is not there',
    words: () => ['ls', '--store', folder.at('typo.db')],
    ...{ exit: 2, code: 'store.bad_path', says: /there is no store at '.*typo\.db'/ },
  },
  {
    title: 'a store in memory',
    words: () => ['ls'],
    setting: { env: { HOLDFAST_STORE: 'memory:' } },
    ...{ exit: 2, code: 'request.invalid', says: /lives inside one process/ },
  },
  {
    title: 'a store that is a folder',
    words: () => ['ls', '--store', folder.at('.')],
    ...{ exit: 2, code: 'store.bad_path', says: /folder/ },
  },
  {
    title: 'a store in a folder that is not there',
    words: () => ['start', 'desk.pid', ...app, '--store', folder.at('no/such/folder.db')],
    ...{ exit: 2, code: 'store.bad_path', says: /no\/such/ },
  },
  {
    title: 'a function that nobody knows, with the nearest one',
    words: () => ['start', 'desk.gret', name, '--store', store],
    ...{ exit: 4, code: 'function.unknown', says: /desk\.gret.*did you mean 'desk\.greet'/ },
  },
  {
    title: 'a function that the app does not export',
    words: () => ['start', 'desk.gret', name, ...app, '--store', store],
    ...{ exit: 4, code: 'function.unknown', says: /exports no function 'desk\.gret'/ },
    advises: /did you mean 'desk\.greet'/,
  },
  {
    title: 'an input that does not fit its schema, with the path',
    words: () => start('{"name":7}', ...app),
    ...{ exit: 2, code: 'input.invalid', says: /schema: name: .*expected string/ },
  },
  {
    title: 'an input that is not JSON',
    words: () => start('{name:Ada}'),
    ...{ exit: 2, code: 'payload.not_json', says: /the argument is not JSON/ },
    advises: /quote it for the shell/,
  },
  {
    title: 'an input file that is not there',
    words: () => start(`@${folder.at('none.json')}`),
    ...{ exit: 2, code: 'request.invalid', says: /the input file cannot be read: ENOENT/ },
  },
  {
    title: 'an input over its limit, with the limit',
    words: () => start('-'),
    setting: { input: JSON.stringify({ name: 'x'.repeat(1_048_577) }) },
    ...{ exit: 2, code: 'payload.too_large', says: /1,?048,?576/ },
  },
  {
    title: 'a lane key that is too long',
    words: () => start(name, '--lane', long),
    ...{ exit: 2, code: 'key.invalid', says: /lane has 201 characters; 200 are allowed/ },
  },
  {
    title: 'a tenant key with control characters',
    words: () => start(name, '--tenant', 'a\u0007b'),
    ...{ exit: 2, code: 'key.invalid', says: /tenant .*control characters/ },
  },
  {
    title: 'a negative delay',
    words: () => start(name, '--delay', '-5s'),
    ...{ exit: 2, code: 'request.invalid', says: /--delay: '-5s' is not a duration/ },
  },
  {
    title: 'a delay that is not a number',
    words: () => start(name, '--delay', 'NaN'),
    ...{ exit: 2, code: 'request.invalid', says: /--delay: 'NaN' is not a duration/ },
  },
  {
    title: 'a priority that is not a number',
    words: () => start(name, '--priority', 'high'),
    ...{ exit: 2, code: 'request.invalid', says: /--priority: 'high' is not a number/ },
  },
  {
    title: 'a priority out of bounds, with the bounds',
    words: () => start(name, '--priority', '4000'),
    ...{ exit: 2, code: 'request.invalid', says: /priority is 4000; .*-3600 to 3600/ },
  },
  {
    title: 'an id that is taken by a run with another input',
    words: () => start('{"name":"Bea"}', '--id', 'taken'),
    ...{ exit: 5, code: 'run.conflict', says: /the id 'taken' is taken/ },
  },
  {
    title: 'a run that is not there',
    words: () => ['show', 'nope', '--store', store],
    ...{ exit: 4, code: 'run.not_found', says: /no run 'nope'/ },
  },
  {
    title: 'cancelling what has ended',
    words: () => ['cancel', 'taken', '--store', store],
    ...{ exit: 5, code: 'run.already_done', says: /'taken'/ },
  },
  {
    title: 'a bulk command without a filter or ids',
    words: () => ['cancel', '--store', store],
    ...{ exit: 2, code: 'request.invalid', says: /either ids or --where/ },
  },
  {
    title: 'a filter with an unknown key',
    words: () => ['cancel', '--where', 'colour=red', '--store', store],
    ...{ exit: 2, code: 'request.invalid', says: /'colour=red'/ },
    advises: /keys: status/,
  },
  {
    title: 'pausing something else than a function or a lane',
    words: () => ['pause', 'tenant', 'x', '--store', store],
    ...{ exit: 2, code: 'request.invalid', says: /'tenant' is invalid.*function, lane/ },
  },
];

describe('a mistake on the command line is refused:', () => {
  let hf: Holdfast;
  before(async () => {
    hf = await Holdfast.open({ store, functions: [...desk.others], name: 'desk-1' });
    await (await hf.start(desk.greet, { name: 'Ada' }, { id: 'taken' })).result();
  });
  after(async () => {
    await hf.close();
    folder[Symbol.dispose]();
  });

  for (const mistake of mistakes) it(mistake.title, () => isRefused(mistake));

  it('and nothing was started by any of them', async () => {
    assert.equal((await hf.runs.list()).runs.length, 1);
    assert.deepEqual(
      [existsSync(folder.at('typo.db')), existsSync(folder.at('no'))],
      [false, false],
    );
  });

  it('as JSON where JSON was asked for, even if the line makes no sense', async () => {
    const called = await call(['show', 'nope', '--json', '--store', store]);
    const { error } = JSON.parse(called.err);
    assert.deepEqual([error.code, error.retry, called.out], ['run.not_found', 'never', '']);
    assert.equal(JSON.parse((await call(['--json', 'strat'])).err).error.code, 'request.invalid');
  });
});

describe('a store that cannot be used is refused and left as it is:', () => {
  const place = temporaryFolder();
  after(() => place[Symbol.dispose]());

  const made = async (file: string): Promise<string> => {
    const path = place.at(file);
    const hf = await Holdfast.open({ store: path, execute: false });
    await hf.close();
    return path;
  };

  it('one that a newer holdfast wrote', async () => {
    const path = await made('newer.db');
    const db = new DatabaseSync(path);
    db.exec('PRAGMA user_version = 9999');
    db.close();
    const words = () => ['ls', '--store', path];
    const says = /newer/;
    await isRefused({ title: '', words, exit: 7, code: 'store.newer_schema', says });
  });

  it('one that is damaged', async () => {
    const path = place.at('damaged.db');
    writeFileSync(path, 'this is no database'.repeat(1_000));
    const words = () => ['ls', '--store', path];
    await isRefused({ title: '', words, exit: 7, code: 'store.corrupt', says: /damaged\.db/ });
    assert.equal(readFileSync(path, 'utf8'), 'this is no database'.repeat(1_000));
  });

  it('one that another program has locked', async () => {
    const path = await made('locked.db');
    using db = new DatabaseSync(path);
    db.exec('BEGIN IMMEDIATE');
    const words = () => ['start', 'desk.pid', ...app, '--store', path];
    await isRefused({ title: '', words, exit: 6, code: 'store.busy', says: /5,?000|5 s/ });
  });

  it('one whose rows contradict each other is what doctor calls bad', async () => {
    const path = await made('sick.db');
    const db = new DatabaseSync(path);
    db.exec('UPDATE tally SET stage_time = stage_time + 7');
    db.close();
    const shown = await call(['doctor', '--store', path]);
    assert.equal(shown.exit, 1);
    assert.match(shown.out, /^BAD {2}invariants: live rows: kept 7, counted 0$/m);
    const { healthy } = JSON.parse((await call(['doctor', '--json', '--store', path])).out);
    assert.equal(healthy, false);
  });

  const isRoot = process.getuid?.() === 0;
  it(
    'one in a folder that may not be written',
    isRoot ? { skip: 'root may write anywhere' } : {},
    async () => {
      mkdirSync(place.at('closed'));
      chmodSync(place.at('closed'), 0o500);
      const words = () => ['start', 'desk.pid', ...app, '--store', place.at('closed/x.db')];
      await isRefused({ title: '', words, exit: 2, code: 'store.bad_path', says: /closed/ });
    },
  );
});
