import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { measure } from '../../examples/tour/app.ts';
import { findFiles, laneOf, placeOf, runIdOf, tenantOf } from '../../examples/tour/files.ts';
import { effectOf, ledgerReader, type Note, openLedger } from '../../examples/tour/ledger.ts';
import { audit, lastLine, tableOf, takeover, takeoverMs } from '../../examples/tour/report.ts';
import { endOf, temporaryFolder } from './call.ts';

const folder = temporaryFolder();
after(() => folder[Symbol.dispose]());
const patience = { timeout: 60_000 };
const root = join(import.meta.dirname, '../..');

/** The tour as a process; `temporary` is where it keeps its files. */
async function tour(words: readonly string[], temporary: string) {
  mkdirSync(temporary, { recursive: true });
  const main = join(root, 'examples/tour/main.ts');
  const child = spawn(process.execPath, ['--conditions=holdfast-source', main, ...words], {
    cwd: root,
    env: { ...process.env, TMPDIR: temporary, INIT_CWD: root },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { out: '', err: '' };
  child.stdout.on('data', (chunk) => {
    text.out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    text.err += chunk;
  });
  const { exit } = await endOf(child);
  return { exit, ...text, left: readdirSync(temporary) };
}

describe('the tour', () => {
  it('kills a worker, and loses and doubles nothing', patience, async () => {
    const files = folder.at('files');
    mkdirSync(join(files, 'sub folder'), { recursive: true });
    for (let n = 0; n < 60; n += 1) writeFileSync(join(files, `sub folder/${n}.txt`), 'a\nb');
    writeFileSync(join(files, 'line\nbreak 👩.md'), 'x');
    writeFileSync(Buffer.concat([Buffer.from(`${files}/bad`), Buffer.from([0xff, 0xfe])]), 'y');
    writeFileSync(join(files, 'empty'), '');
    symlinkSync('/etc/hostname', join(files, 'link'));
    const { exit, out, err, left } = await tour([files, '--exit'], folder.at('tmp'));
    assert.equal(exit, 0, out + err);
    const line = out.trimEnd().split('\n').at(-1) ?? '';
    assert.match(line, /^tour: runs=63 succeeded=63 lost=0 doubled=0 takeover_ms=\d+$/);
    assert.match(out, /\(pid \d+\) killed with SIGKILL while it held [1-9]\d* runs?\n/);
    assert.match(out, /ms {2}proven dead: .* is gone\n/);
    assert.match(out, /\ntotal +63 +122 +\d+ +\d+%\n/);
    assert.deepEqual([err, left], ['', []]);
  });

  it('says what is wrong with a folder, without a stack', patience, async () => {
    mkdirSync(folder.at('empty'));
    const { exit, out, err, left } = await tour([folder.at('empty')], folder.at('tmp'));
    assert.deepEqual([exit, out, left], [2, '', []]);
    assert.match(err, /^tour: there is no regular file below '.*empty'\nusage: npm start/);
  });
});

const doer = (run: string, pid: number) => ({ run, attempt: 1, fence: 1, node: `n${pid}`, pid });
const measured = { sha256: '', lines: 1, bytes: 10, gzipBytes: 5 };
const end = (run: string, pid: number, found: typeof measured | null = measured): Note => ({
  event: 'end',
  ...doer(run, pid),
  lane: '.txt',
  measure: found,
});

describe('the ledger of the tour', () => {
  const at = (notes: readonly Note[]) => notes.map((note, index) => ({ ...note, at: index }));

  it('counts what was lost, what was doubled and what could not be read', () => {
    const accepted = ['a', 'b', 'c', 'd'].map((run): Note => ({ event: 'accepted', run }));
    const counted = audit(
      at([...accepted, end('a', 1), end('b', 1), end('b', 2), end('c', 1, null)]),
    );
    assert.deepEqual([counted.lost, counted.doubled, counted.unreadable], [['d'], ['b'], 1]);
    assert.equal(lastLine(counted, 12), 'tour: runs=4 succeeded=2 lost=1 doubled=1 takeover_ms=12');
    assert.deepEqual(tableOf(counted), [
      'kind   files  lines  bytes  gzip',
      '.txt       2      2     20   50%',
      'total      2      2     20   50%',
    ]);
  });

  it('follows what the dead worker held until all of it runs again', () => {
    const begin = (run: string, pid: number): Note => ({ event: 'begin', ...doer(run, pid) });
    const found: Note = { event: 'found', ...doer('z', 2) };
    const entries = at([
      begin('z', 1),
      end('z', 1),
      begin('a', 1),
      begin('b', 1),
      begin('a', 2),
      found,
    ]);
    const taken = takeover(
      [...entries, ...at([begin('b', 3)]).map((one) => ({ ...one, at: 9 }))],
      1,
    );
    assert.deepEqual(taken.held, ['a', 'b']);
    assert.deepEqual(taken.resumed, [
      { node: 'n2', at: 4 },
      { node: 'n3', at: 9 },
    ]);
    assert.equal(taken.found, 1);
    assert.equal(takeoverMs(taken, 2), 7);
  });

  it('gives back what was written, piece by piece, and finds an effect by its run', () => {
    const path = folder.at('ledger');
    const { write, close } = openLedger(path);
    const read = ledgerReader(path);
    write([{ event: 'accepted', run: 'a' }]);
    assert.deepEqual(
      read().map(({ run }) => run),
      ['a'],
    );
    write([end('a"', 1), end('a', 2)]);
    assert.deepEqual(
      read().map(({ run }) => run),
      ['a"', 'a'],
    );
    assert.deepEqual(read(), []);
    assert.equal(effectOf(path, 'a')?.pid, 2);
    assert.equal(effectOf(path, 'b'), undefined);
    close();
  });
});

describe('the files of the tour', () => {
  it('are those that git tracks, where nothing else was asked for', async () => {
    const place = folder.at('checkout');
    mkdirSync(join(place, 'node_modules'), { recursive: true });
    for (const name of ['kept.ts', 'gone.ts', 'new.ts', 'node_modules/x.js']) {
      writeFileSync(join(place, name), '');
    }
    const before = process.cwd();
    process.chdir(place);
    try {
      const names = async () => (await findFiles(undefined)).files.map(({ path }) => path);
      assert.deepEqual(await names(), ['gone.ts', 'kept.ts', 'new.ts']);
      execFileSync('git', ['init', '--quiet']);
      execFileSync('git', ['add', 'kept.ts', 'gone.ts']);
      rmSync('gone.ts');
      assert.deepEqual(await names(), ['kept.ts']);
    } finally {
      process.chdir(before);
    }
  });

  it('have an id, a lane and a tenant, whatever they are called', () => {
    const file = { n: 0, path: `top\u202e folder/${'long '.repeat(50)}\n.TXT` };
    assert.match(runIdOf(file), /^[\w./-]{1,40}#[0-9a-f]{16}$/);
    assert.notEqual(runIdOf(file), runIdOf({ ...file, path: `${file.path} ` }));
    assert.deepEqual([laneOf(file), tenantOf(file)], ['.txt', 'top__folder']);
    assert.deepEqual(
      [laneOf({ n: 0, path: 'a.b\nc' }), tenantOf({ n: 0, path: 'x' })],
      ['(other)', '(top)'],
    );
  });

  it('are measured in pieces: digest, lines, bytes, and what gzip makes of them', async () => {
    const path = folder.at('measured');
    writeFileSync(path, `${'line\n'.repeat(50_000)}rest`);
    const { signal } = new AbortController();
    const { sha256, lines, bytes, gzipBytes } = await measure(path, signal);
    assert.deepEqual([lines, bytes], [50_001, 250_004]);
    assert.ok(gzipBytes > 100 && gzipBytes < 5_000, `${gzipBytes}`);
    assert.equal(sha256, createHash('sha256').update(readFileSync(path)).digest('hex'));
    await assert.rejects(measure(placeOf(tmpdir(), { n: 0, path: 'none/at all' }), signal));
  });
});
