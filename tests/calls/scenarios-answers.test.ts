/** Scenarios 43 to 55: the one answer, and how a call is cancelled. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { defineFunction, Reply } from 'holdfast';
import { limits } from '../../src/core/limits.ts';
import { answerOf, ownAnswer } from '../../src/stdio/answers.ts';
import { breaksFrame } from '../../src/stdio/frames.ts';
import { type Watched, watchedFunctions } from './functions.ts';
import { called, cancelled, readFrames, StdioScene, withBody } from './scene.ts';

let watched: Watched;
let scene: StdioScene;
beforeEach(async () => {
  watched = watchedFunctions();
  scene = await StdioScene.open({ functions: watched.functions });
});
afterEach(async () => {
  for (const id of watched.begun) watched.meet(id).resolve();
  await scene.close();
});

const serve = (name: string, run: (input: unknown) => unknown): void =>
  scene.hf.calls.serve(defineFunction({ name, run }));

describe('answers', () => {
  it('43. may come later, from somebody else', async () => {
    await scene.send(called('u', 'later'));
    assert.deepEqual(
      scene.hf.calls.list().map(({ id, status }) => [id, status]),
      [['u', 'awaiting-result']],
    );
    assert.equal(watched.laters.get('u')?.succeed(17), true);
    await scene.send();
    assert.equal(scene.body('u'), '17');
    assert.deepEqual(scene.hf.calls.list(), []);
  });

  it('44. are 500 for whatever is thrown, and the next call is served', async () => {
    await scene.send(called('u', 'fail'), called('v', 'echo'));
    assert.deepEqual(JSON.parse(scene.body('u')), { status: 500, errorMessage: 'no such thing' });
    assert.deepEqual([scene.status('u'), scene.status('v')], [500, 200]);
  });

  it('45. count once: the second one is dropped', async () => {
    await scene.send(called('u', 'later'));
    const later = watched.laters.get('u');
    assert.equal(later?.succeed('first'), true);
    assert.equal(later?.succeed('second'), false);
    assert.equal(later?.fail(new Error('third')), false);
    await scene.send();
    assert.equal(scene.body('u'), '"first"');
    assert.equal(scene.hf.calls.stats().late, 2);
  });

  it('46. are given to nobody without a uid, and nothing is kept of them', async () => {
    await scene.send('FUNCTION\n', 'FUNCTION "" 10 "echo"\n');
    assert.deepEqual(scene.results, []);
    const { admitted, tombstones } = scene.hf.calls.stats();
    assert.deepEqual([admitted, tombstones], [0, 0]);
  });

  it('47. say what went wrong in errorMessage, and else in message', () => {
    const text = ({ payload }: ReturnType<typeof ownAnswer>): unknown =>
      JSON.parse(Buffer.from(payload).toString());
    assert.deepEqual(text(ownAnswer(200, 'fine')), { status: 200, message: 'fine' });
    assert.deepEqual(text(ownAnswer(499, 'over')), { status: 499, errorMessage: 'over' });
    assert.deepEqual(text(answerOf('succeeded', undefined)), { status: 200, message: 'ok' });
  });

  it('48. that could break their frame are not written', async () => {
    const starts = ['', ' ', '\t=', 'text\n', 'text\n  "', '\r\n\v', '\r'];
    for (const [n, start] of starts.entries()) {
      const body = `${start}FUNCTION_RESULT_END and more\nFUNCTION evil`;
      serve(`break${n}`, () => new Reply({ body }));
      await scene.send(called(`u${n}`, `break${n}`));
      assert.equal(scene.status(`u${n}`), 500, JSON.stringify(start));
    }
    assert.ok(!scene.text.includes('evil'));
    assert.equal(breaksFrame(Buffer.from('a FUNCTION_RESULT_END')), false);
    serve('json', () => ({ text: '\nFUNCTION_RESULT_END\n' }));
    await scene.send(called('u', 'json'));
    assert.equal(scene.status('u'), 200);
  });

  it('that cannot be written, or are too large, are answered all the same', async () => {
    const cyclic: { self?: unknown } = {};
    cyclic.self = cyclic;
    const throws = {
      toJSON() {
        throw new Error('not as JSON');
      },
    };
    for (const [n, value] of [cyclic, 5n, throws, () => {}].entries()) {
      serve(`odd${n}`, () => value);
      await scene.send(called(`u${n}`, `odd${n}`));
      assert.equal(scene.status(`u${n}`), 500, String(n));
      assert.match(JSON.parse(scene.body(`u${n}`)).errorMessage, /cannot be written as JSON/);
    }
    const body = new Uint8Array(limits.stdioResultBytesMax + 1);
    assert.equal(answerOf('succeeded', new Reply({ body })).status, 413);
    assert.equal(answerOf('succeeded', new Reply({ body: body.subarray(1) })).status, 200);
  });

  it('49. stand whole between other lines', async () => {
    const big = 'x'.repeat(300_000);
    serve('big', () => new Reply({ body: big }));
    scene.hf.calls.serve(
      defineFunction({
        name: 'steps',
        run: async (_: unknown, ctx) => {
          for (let n = 1; n <= 20; n += 1) {
            ctx.progress({ done: n, all: 20 });
            await Promise.resolve();
          }
          return big;
        },
      }),
    );
    const uids = Array.from({ length: 20 }, (_, n) => `u${n}`);
    await scene.send(...uids.map((uid, n) => called(uid, n % 2 === 0 ? 'big' : 'steps')));
    await scene.pass(1_000);
    const { results, lines } = readFrames(scene.text);
    assert.deepEqual(results.map(({ uid }) => uid).toSorted(), uids.toSorted());
    for (const { body } of results) assert.ok(body === big || body === `"${big}"`);
    assert.equal(lines.filter((line) => line.startsWith('FUNCTION_PROGRESS ')).length, 200);
  });

  it('have the status, the type and the bytes of a Reply, and none of an empty body', async () => {
    serve(
      'own',
      () => new Reply({ status: 777, contentType: 'text/csv', body: 'a,b', expiresAt: 5_000 }),
    );
    serve('none', () => new Reply({ status: 204 }));
    await scene.send(called('u', 'own'), called('v', 'none'));
    const [own, none] = scene.results;
    assert.deepEqual(own, {
      ...{ uid: 'u', status: 777, contentType: 'text/csv', expiresAt: 5, body: 'a,b' },
    });
    assert.match(
      scene.text,
      /FUNCTION_RESULT_BEGIN v 204 text\/plain \d+\nFUNCTION_RESULT_END\n\n/,
    );
    assert.equal(none?.expiresAt, Math.floor(scene.clock.wall() / 1_000));
    assert.throws(() => new Reply({ contentType: 'text/plain\nEVIL' }), {
      code: 'request.invalid',
    });
  });
});

describe('cancel', () => {
  it('50. ends a call that waits at once; it never begins', async () => {
    await scene.send(called('tx1', 'hold'), called('tx2', 'hold'), cancelled('tx2'));
    assert.equal(scene.status('tx2'), 499);
    watched.meet('tx1').resolve();
    await scene.send();
    assert.deepEqual(watched.begun, ['tx1']);
    assert.equal(scene.status('tx1'), 200);
  });

  it('51. answers in place of code that does not obey, after its grace and once', async () => {
    await scene.send(called('tx1', 'hold'), cancelled('tx1'), cancelled('tx1'));
    await scene.pass(40);
    assert.equal(scene.status('tx1'), null);
    await scene.pass(40);
    assert.equal(scene.status('tx1'), 499);
    await scene.send(cancelled('tx1'));
    await scene.pass(10_000);
    assert.equal(scene.status('tx1'), 499);
    assert.equal(scene.hf.calls.stats().cancelsForced, 1);
  });

  it('52. drops and counts the result that comes after it', async () => {
    await scene.send(called('tx1', 'hold'), cancelled('tx1'));
    await scene.pass(80);
    watched.meet('tx1').resolve();
    await scene.send();
    assert.equal(scene.status('tx1'), 499);
    assert.equal(scene.hf.calls.stats().late, 1);
  });

  it('53. answers for a frame that was not whole yet', async () => {
    await scene.close();
    scene = await StdioScene.open({ functions: watched.functions, compat: true });
    const frame = withBody('tx1', 'hold', 'body').replace('FUNCTION_PAYLOAD_END\n', '');
    await scene.send(frame, cancelled('tx1'));
    assert.equal(scene.status('tx1'), 499);
    assert.deepEqual(watched.begun, []);
  });

  it('54. says nothing of a call that is unknown, or over', async () => {
    await scene.send(called('tx1', 'echo'));
    const before = scene.text;
    await scene.send(cancelled('tx1'), cancelled('nobody'));
    assert.equal(scene.text, before);
  });

  it('55. signals at once, and the answer of code that obeys counts', async () => {
    await scene.send(called('tx1', 'obey'), cancelled('tx1'));
    assert.equal(scene.body('tx1'), '"stopped in good order"');
    assert.equal(scene.status('tx1'), 200);
  });

  it('does not touch a call that waits if its function says so', async () => {
    scene.hf.calls.serve(
      defineFunction({
        ...{ name: 'effect', lane: 'hold', call: { cancelQueued: false } },
        run: () => 'done all the same',
      }),
    );
    await scene.send(called('tx1', 'hold'), called('tx2', 'effect'), cancelled('tx2'));
    assert.equal(scene.status('tx2'), null);
    watched.meet('tx1').resolve();
    await scene.send();
    assert.equal(scene.body('tx2'), '"done all the same"');
  });
});
