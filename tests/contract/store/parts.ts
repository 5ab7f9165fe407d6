/** The contract of parts: the stream of what a run makes. */
import assert from 'node:assert/strict';
import { fenceOf } from '../../../src/core/fence.ts';
import { limits } from '../../../src/core/limits.ts';
import { partsIn, partText } from '../../../src/engine/part-text.ts';
import type { AppendItem, PartData, PartsPage } from '../../../src/ports/store-parts.ts';
import type { ClaimedRun } from '../../../src/ports/store-runs.ts';
import type { Scene } from './scene.ts';
import type { Contract } from './suite.ts';

const charsMax = limits.partsPageCharsMax;

/** Parts as their owner sends them. */
function item(run: ClaimedRun, from: number, ...parts: readonly PartData[]): AppendItem {
  const { seq, fence, attempt } = run;
  const content = `[${parts.map(partText).join(',')}]`;
  const bytes = Buffer.byteLength(content);
  return { seq, fence, attempt, from, count: parts.length, content, bytes };
}

/** What one item became. */
async function append(scene: Scene, one: AppendItem): Promise<readonly unknown[]> {
  const [verdict] = await scene.store.append([one]);
  assert.ok(verdict !== undefined);
  return verdict.ok ? [verdict.next, verdict.truncated] : [verdict.code];
}

async function pageOf(
  scene: Scene,
  id: string,
  from = 0,
  chars: number = charsMax,
): Promise<PartsPage> {
  const [page] = await scene.store.parts([{ id, from, charsMax: chars }]);
  assert.ok(page !== undefined && page !== null, `no run ${id}`);
  return page;
}

/** Offset, attempt and content of every part of a page. */
const partsOf = ({ blocks }: PartsPage): readonly (readonly [number, number, PartData])[] =>
  blocks.flatMap(({ first, count, attempt, content }) => {
    const parts = partsIn(content);
    assert.equal(parts.length, count);
    return parts.map((part, at) => [first + at, attempt, part] as const);
  });

async function running(scene: Scene): Promise<ClaimedRun> {
  const node = await scene.join();
  await scene.start({});
  return scene.claimOne(node);
}

export function parts(contract: Contract): void {
  order(contract);
  pages(contract);
  owners(contract);
  bounds(contract);
}

function order(contract: Contract): void {
  contract('gives parts offsets in their order, texts and bytes as they are', async (scene) => {
    const run = await running(scene);
    const odd = ['', 'tête-à-tête 🙂', 'a\u0000b\u001f"\\', '\ud800 alone', '{"b":"AAAA"}'];
    const bytes = new Uint8Array([0, 1, 254, 255]);
    assert.deepEqual(await append(scene, item(run, 0, 'one', bytes)), [2, false]);
    assert.deepEqual(await append(scene, item(run, 2, ...odd, new Uint8Array())), [8, false]);
    const page = await pageOf(scene, run.id);
    const all = ['one', bytes, ...odd, new Uint8Array()];
    assert.deepEqual(
      partsOf(page),
      all.map((part, offset) => [offset, 1, part]),
    );
    assert.deepEqual([page.kept, page.dropped, page.ended], [8, 0, false]);
  });

  contract('says that nothing more comes exactly when the run has its outcome', async (scene) => {
    const run = await running(scene);
    assert.equal((await pageOf(scene, run.id)).ended, false);
    await append(scene, item(run, 0, 'x'));
    await scene.succeed(run);
    const page = await pageOf(scene, run.id);
    assert.deepEqual([partsOf(page).length, page.kept, page.ended], [1, 1, true]);
    const behind = await pageOf(scene, run.id, 7);
    assert.deepEqual(behind, { blocks: [], kept: 1, dropped: 0, ended: true });
    assert.deepEqual(await scene.store.parts([{ id: 'unknown', from: 0, charsMax }]), [null]);
    assert.deepEqual(await scene.store.parts([]), []);
  });

  contract('answers many readers and many owners in one call, each by itself', async (scene) => {
    const node = await scene.join();
    await scene.startMany(2, {});
    const [one, two] = await scene.claim(node);
    assert.ok(one !== undefined && two !== undefined);
    const verdicts = await scene.store.append([
      item(one, 0, 'a'),
      item({ ...two, fence: fenceOf(77) }, 0, 'stale'),
      item({ ...two, seq: 999 }, 0, 'nobody'),
      item(two, 0, 'b', 'c'),
      item(one, 1, 'd'),
    ]);
    assert.deepEqual(
      verdicts.map((verdict) => (verdict.ok ? verdict.next : verdict.code)),
      [1, 'fence.stale', 'run.not_found', 2, 2],
    );
    const pages = await scene.store.parts(
      [
        [two.id, 1],
        ['unknown', 0],
        [one.id, 0],
        [one.id, 1],
      ].map(([id, from]) => ({ id: String(id), from: Number(from), charsMax })),
    );
    assert.deepEqual(
      pages.map((page) => page && partsOf(page).map(([, , part]) => part)),
      [['b', 'c'], null, ['a', 'd'], ['d']],
    );
    assert.deepEqual(await scene.store.append([]), []);
  });
}

function pages(contract: Contract): void {
  contract('goes on at every offset, and ends a page by its characters', async (scene) => {
    const run = await running(scene);
    const sizes = [3, 1, 4, 1, 5];
    let sent = 0;
    for (const size of sizes) {
      const made = Array.from({ length: size }, (_, at) => `part ${sent + at}`);
      await append(scene, item(run, sent, ...made));
      sent += size;
    }
    for (let from = 0; from <= sent + 1; from += 1) {
      const seen: number[] = [];
      for (let next = from; ; ) {
        const page = await pageOf(scene, run.id, next, 40);
        assert.ok(page.blocks.length === 1 || lengthOf(page) <= 40);
        const fresh = partsOf(page).filter(([offset]) => offset >= next);
        if (fresh.length === 0) break;
        assert.ok(fresh.length > 0, 'a page moves on');
        for (const [offset, , part] of fresh) {
          assert.equal(part, `part ${offset}`);
          seen.push(offset);
        }
        next = (seen.at(-1) ?? 0) + 1;
      }
      const rest = Array.from({ length: Math.max(0, sent - from) }, (_, at) => from + at);
      assert.deepEqual(seen, rest);
    }
  });

  contract('ends a page by its blocks, also when many are tiny', async (scene) => {
    const run = await running(scene);
    const blocks = limits.partsPageBlocksMax + 9;
    for (let at = 0; at < blocks; at += 1) await append(scene, item(run, at, 'x'));
    const first = await pageOf(scene, run.id);
    assert.equal(first.blocks.length, limits.partsPageBlocksMax);
    const second = await pageOf(scene, run.id, limits.partsPageBlocksMax);
    assert.deepEqual([second.blocks.length, second.kept], [9, blocks]);
  });
}

const lengthOf = ({ blocks }: PartsPage): number =>
  blocks.reduce((sum, { content }) => sum + content.length, 0);

function owners(contract: Contract): void {
  contract('keeps an item once that is sent again, and refuses a gap', async (scene) => {
    const run = await running(scene);
    const first = item(run, 0, 'a', 'b');
    assert.deepEqual(await append(scene, first), [2, false]);
    assert.deepEqual(await append(scene, first), [2, false]);
    assert.deepEqual(await append(scene, item(run, 3, 'd')), ['parts.gap']);
    assert.deepEqual(await append(scene, item(run, 1, 'b', 'c')), ['parts.gap'], 'another item');
    assert.deepEqual(await append(scene, item(run, 2, 'c')), [3, false]);
    assert.deepEqual(await append(scene, first), [3, false], 'however late');
    assert.deepEqual(
      partsOf(await pageOf(scene, run.id)).map(([, , part]) => part),
      ['a', 'b', 'c'],
    );
  });

  contract('goes on behind what is kept in the next attempt, and names it', async (scene) => {
    const node = await scene.join();
    await scene.start({});
    const first = await scene.claimOne(node);
    await append(scene, item(first, 0, 'a', 'b'));
    await scene.fail(first);
    const second = await scene.claimOne(node);
    assert.deepEqual(await append(scene, item(second, 0, 'A')), [3, false]);
    assert.deepEqual(await append(scene, item(first, 2, 'late')), ['fence.stale']);
    assert.deepEqual(await append(scene, item(second, 1, 'B')), [4, false]);
    assert.deepEqual(partsOf(await pageOf(scene, first.id)), [
      [0, 1, 'a'],
      [1, 1, 'b'],
      [2, 2, 'A'],
      [3, 2, 'B'],
    ]);
  });

  contract('(G1) refuses parts under a stale fence, and keeps none of them', async (scene) => {
    const node = await scene.join();
    await scene.start({});
    const late = await scene.claimOne(node);
    await append(scene, item(late, 0, 'in time'));
    await scene.bury(node);
    assert.deepEqual(await append(scene, item(late, 1, 'late')), ['fence.stale'], 'nobody owns it');
    const owner = await scene.claimOne(await scene.join());
    assert.deepEqual(await append(scene, item(late, 1, 'late')), ['fence.stale'], 'another does');
    await scene.succeed(owner);
    assert.deepEqual(await append(scene, item(owner, 0, 'late')), ['fence.stale'], 'it has ended');
    const page = await pageOf(scene, late.id);
    assert.deepEqual(partsOf(page), [[0, 1, 'in time']]);
  });
}

function bounds(contract: Contract): void {
  contract(
    'keeps the beginning of a run that makes too much, and counts the rest',
    async (scene) => {
      const run = await running(scene);
      const most = limits.partsBytesMax;
      // What an owner says of its bytes is what counts.
      const heavy = (from: number, bytes: number) => ({ ...item(run, from, 'x'), bytes });
      assert.deepEqual(await append(scene, heavy(0, most - 10)), [1, false]);
      assert.deepEqual(await append(scene, heavy(1, 10)), [2, false], 'exactly full');
      assert.deepEqual(await append(scene, heavy(2, 1)), [2, true]);
      assert.deepEqual(await append(scene, heavy(2, 1)), [2, true], 'and counted once');
      assert.deepEqual(await append(scene, heavy(3, 0)), [2, true], 'nothing comes behind a hole');
      const count = { ...item(run, 4), count: 5, content: null, bytes: 0 };
      assert.deepEqual(await append(scene, count), [2, true]);
      const page = await pageOf(scene, run.id);
      assert.deepEqual([partsOf(page).length, page.kept, page.dropped], [2, 2, 7]);
    },
  );

  contract('deletes parts with their run', async (scene) => {
    const run = await running(scene);
    await append(scene, item(run, 0, 'x'));
    await scene.succeed(run);
    const ended = scene.world.now();
    await scene.until('some time passed', async () => scene.world.now() > ended);
    const kept = { failed: null, cancelled: null, 'timed-out': null, rejected: null, lost: null };
    assert.equal((await scene.store.prune({ ...kept, succeeded: 0 }, 10)).pruned, 1);
    assert.deepEqual(await scene.store.parts([{ id: run.id, from: 0, charsMax }]), [null]);
    await scene.start({ id: run.id });
    const fresh = await pageOf(scene, run.id);
    assert.deepEqual(fresh, { blocks: [], kept: 0, dropped: 0, ended: false });
  });
}
