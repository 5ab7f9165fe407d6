/** The contract of progress and log lines. */
import assert from 'node:assert/strict';
import { fenceOf } from '../../../src/core/fence.ts';
import { limits } from '../../../src/core/limits.ts';
import { wallMs } from '../../../src/core/time.ts';
import type { LogFilter } from '../../../src/ports/store-reads.ts';
import type { LogLine } from '../../../src/ports/store-runs.ts';
import type { Contract } from './suite.ts';

const line = (n: number): LogLine => ({
  at: wallMs(1_000 + n),
  level: n % 2 === 0 ? 'info' : 'warn',
  message: `line ${n}`,
  fields: n % 3 === 0 ? `{"n":${n}}` : null,
});

const linesTo = (count: number, from = 1): LogLine[] =>
  Array.from({ length: count }, (_, n) => line(from + n));

export function noting(contract: Contract): void {
  keeping(contract);
  choosing(contract);
  bounds(contract);
  fences(contract);
}

function keeping(contract: Contract): void {
  contract('shows the last progress of a run, also after it ended', async (scene) => {
    const node = await scene.join();
    const [id] = await scene.start({});
    const run = await scene.claimOne(node);
    assert.equal((await scene.get(id)).progress, null);
    for (const progress of ['{"done":1}', '{"done":2}']) {
      const [verdict] = await scene.store.note([{ ...run, progress }]);
      assert.deepEqual(verdict, { ok: true, dropped: 0 });
      assert.equal((await scene.get(id)).progress, progress);
    }
    await scene.succeed(run);
    assert.equal((await scene.get(id)).progress, '{"done":2}');
  });

  contract('keeps log lines in order, with the attempt that wrote them', async (scene) => {
    const node = await scene.join();
    const [id] = await scene.start({});
    const first = await scene.claimOne(node);
    await scene.store.note([{ ...first, lines: linesTo(2) }]);
    await scene.store.note([{ ...first, lines: linesTo(1, 3) }]);
    await scene.fail(first);
    const second = await scene.claimOne(node);
    await scene.store.note([{ ...second, lines: linesTo(1, 4) }]);
    const page = await scene.store.logs(id ?? '', null, 100);
    assert.deepEqual(page, {
      lines: [1, 2, 3, 4].map((n) => ({ ...line(n), n, attempt: n === 4 ? 2 : 1 })),
      next: null,
      dropped: 0,
    });
    assert.equal((await scene.get(id)).logLines, 4);
  });

  contract('gives log lines in pages, without gaps and doubles', async (scene) => {
    const node = await scene.join();
    const [id] = await scene.start({});
    await scene.store.note([{ ...(await scene.claimOne(node)), lines: linesTo(7) }]);
    const seen: number[] = [];
    let after: number | null = null;
    do {
      const page = await scene.store.logs(id ?? '', after, 3);
      assert.ok(page !== null);
      assert.ok(page.lines.length <= 3);
      seen.push(...page.lines.map((one) => one.n));
      after = page.next;
    } while (after !== null);
    assert.deepEqual(seen, [1, 2, 3, 4, 5, 6, 7]);
    const end = { lines: [], next: null, dropped: 0 };
    assert.deepEqual(await scene.store.logs(id ?? '', 7, 3), end);
    assert.equal(await scene.store.logs('unknown', null, 3), null);
  });
}

function choosing(contract: Contract): void {
  contract('gives full pages of lines of one attempt, or of a level and above', async (scene) => {
    const node = await scene.join();
    const [id = ''] = await scene.start({});
    const first = await scene.claimOne(node);
    await scene.store.note([{ ...first, lines: linesTo(6) }]);
    await scene.fail(first);
    const error = { ...line(13), level: 'error' } as const;
    const debug = { ...line(14), level: 'debug' } as const;
    const second = await scene.claimOne(node);
    await scene.store.note([{ ...second, lines: [...linesTo(6, 7), error, debug] }]);
    const ask = async (max: number, after: number | null, filter: LogFilter) => {
      const page = await scene.store.logs(id, after, max, filter);
      return [page?.lines.map(({ n }) => n), page?.next];
    };
    assert.deepEqual(await ask(100, null, {}), [Array.from({ length: 14 }, (_, n) => n + 1), null]);
    assert.deepEqual(await ask(100, null, { attempt: 2 }), [[7, 8, 9, 10, 11, 12, 13, 14], null]);
    const whole = await ask(100, null, { level: 'debug', attempt: 1 });
    assert.deepEqual(whole, [[1, 2, 3, 4, 5, 6], null]);
    // Odd ones warn.
    assert.deepEqual(await ask(3, null, { level: 'warn' }), [[1, 3, 5], 5]);
    assert.deepEqual(await ask(3, 5, { level: 'warn' }), [[7, 9, 11], 11]);
    assert.deepEqual(await ask(3, 11, { level: 'warn' }), [[13], null]);
    assert.deepEqual(await ask(3, null, { level: 'error' }), [[13], null]);
    assert.deepEqual(await ask(2, 3, { level: 'warn', attempt: 1 }), [[5], null]);
    assert.deepEqual(await ask(2, null, { attempt: 3 }), [[], null]);
  });

  contract('takes any number for a place and an attempt, past whatever there is', async (scene) => {
    const node = await scene.join();
    const [id = ''] = await scene.start({});
    const run = await scene.claimOne(node);
    await scene.store.note([{ ...run, lines: linesTo(2) }]);
    const far = Number.MAX_SAFE_INTEGER;
    const nothing = { lines: [], next: null, dropped: 0 };
    assert.deepEqual(await scene.store.logs(id, far, 10), nothing);
    assert.deepEqual(await scene.store.logs(id, null, 10, { attempt: far }), nothing);
    const steps = await scene.store.steps(id, far, 10);
    assert.deepEqual([steps?.steps, steps?.next], [[], null]);
    const [parts] = await scene.store.parts([{ id, from: far, charsMax: 10 }]);
    assert.deepEqual([parts?.blocks, parts?.ended], [[], false]);
    const ask = { id, group: null, after: far, rowsMax: 10, results: false };
    assert.deepEqual(await scene.store.children(ask), { children: [], next: null });
    const { runs } = await scene.store.list({ filter: {}, before: far, rowsMax: 10 });
    assert.deepEqual(runs[0]?.id, id);
  });
}

function bounds(contract: Contract): void {
  contract('(G6) keeps a bounded number of lines, and counts what it drops', async (scene) => {
    const node = await scene.join();
    const [id] = await scene.start({});
    const run = await scene.claimOne(node);
    const most = limits.logLinesMax;
    const drops = async (lines: readonly LogLine[]) => {
      const [verdict] = await scene.store.note([{ ...run, lines }]);
      return verdict?.ok === true && verdict.dropped;
    };
    assert.equal(await drops(linesTo(most - 10)), 0);
    assert.equal(await drops(linesTo(25, most)), 15);
    assert.equal(await drops(linesTo(4)), 4);
    const shown = await scene.get(id);
    assert.deepEqual([shown.logLines, shown.logLinesDropped], [most, 19]);
    const page = await scene.store.logs(id ?? '', most - 11, most);
    assert.equal(page?.dropped, 19);
    assert.equal(page?.lines.length, 11);
    assert.equal(page?.lines[1]?.message, `line ${most}`, 'the first lines are kept');
  });
}

function fences(contract: Contract): void {
  contract('(G1) refuses notes under a stale fence, and keeps none of them', async (scene) => {
    const node = await scene.join();
    const [id] = await scene.start({});
    const late = await scene.claimOne(node);
    const note = { progress: '"late"', lines: linesTo(1) };
    const refused = async () => {
      const [verdict] = await scene.store.note([{ ...late, ...note }]);
      return verdict?.ok === false && verdict.code;
    };
    await scene.bury(node);
    assert.equal(await refused(), 'fence.stale', 'nobody owns it');
    const owner = await scene.claimOne(await scene.join());
    assert.equal(await refused(), 'fence.stale', 'somebody else owns it');
    await scene.succeed(owner);
    const [after] = await scene.store.note([{ ...owner, ...note }]);
    assert.equal(after?.ok === false && after.code, 'fence.stale', 'it has ended');
    const shown = await scene.get(id);
    assert.deepEqual([shown.progress, shown.logLines, shown.logLinesDropped], [null, 0, 0]);
  });

  contract('gives every note of a call its own verdict', async (scene) => {
    const node = await scene.join();
    await scene.startMany(2, {});
    const [one, two] = await scene.claim(node);
    assert.ok(one !== undefined && two !== undefined);
    const verdicts = await scene.store.note([
      { ...one, progress: '1' },
      { ...two, fence: fenceOf(7), progress: '2' },
      { seq: 999, fence: fenceOf(1), attempt: 1, progress: '3' },
      { ...two, lines: linesTo(1) },
    ]);
    assert.deepEqual(
      verdicts.map((verdict) => (verdict.ok ? verdict.dropped : verdict.code)),
      [0, 'fence.stale', 'run.not_found', 0],
    );
    assert.equal((await scene.get(one.id)).progress, '1');
    assert.equal((await scene.get(two.id)).progress, null);
  });
}
