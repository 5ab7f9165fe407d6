/**
 * Any interleaving of lines: every uid that was let in gets exactly one answer, a uid that is not
 * safe none, and nothing is left in the end.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Watched, watchedFunctions } from '../calls/functions.ts';
import { called, cancelled, StdioScene, withBody } from '../calls/scene.ts';

const uid = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
const fn = fc.constantFrom('echo', 'fail', 'obey', 'later', 'hold', 'free', 'nobody');
const action = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('call' as const), uid, fn }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('body' as const), uid, fn }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('cancel' as const), uid }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('bad' as const), uid }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('hostile' as const), fn }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('meet' as const), uid }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('later' as const), uid }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('watch' as const), uid }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.nat(15_000) }) },
);
type Action = typeof action extends fc.Arbitrary<infer One> ? One : never;

/** What an agent expects: it opens a transaction for a uid that has none; each gets one answer. */
class Agent {
  readonly asked = new Map<string, number>();

  /** How many answers each uid had at that time. */
  opens(uid: string, answered: number): void {
    const open = (this.asked.get(uid) ?? 0) > answered;
    if (!open) this.asked.set(uid, answered + 1);
  }
}

async function act(scene: StdioScene, watched: Watched, agent: Agent, one: Action): Promise<void> {
  const answers = (of: string): number => scene.results.filter(({ uid }) => uid === of).length;
  switch (one.do) {
    case 'call':
      agent.opens(one.uid, answers(one.uid));
      return scene.send(called(one.uid, one.fn));
    case 'body':
      agent.opens(one.uid, answers(one.uid));
      return scene.send(withBody(one.uid, one.fn, '{"a": 1}'));
    case 'bad':
      agent.opens(one.uid, answers(one.uid));
      return scene.send(`FUNCTION ${one.uid} nope "echo"\n`);
    case 'hostile':
      return scene.send(`FUNCTION "x y" 10 "${one.fn}"\nFUNCTION a=b 10 "${one.fn}"\n`);
    case 'cancel':
      return scene.send(cancelled(one.uid));
    case 'watch':
      return scene.send(`FUNCTION_PROGRESS ${one.uid}\n`);
    case 'meet':
      watched.meet(one.uid).resolve();
      return scene.send();
    case 'later':
      watched.laters.get(one.uid)?.succeed(one.uid);
      return scene.send();
    case 'pass':
      return scene.pass(one.ms);
  }
}

describe('any interleaving of lines', () => {
  it('gives every call one answer, and leaves nothing', { timeout: 300_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { maxLength: 40 }),
        fc.record({ slots: fc.integer({ min: 1, max: 4 }), queueMax: fc.nat(4) }),
        fc.boolean(),
        async (actions, calls, quits) => {
          const watched = watchedFunctions();
          const scene = await StdioScene.open({ functions: watched.functions, calls });
          const agent = new Agent();
          for (const one of actions) await act(scene, watched, agent, one);
          if (quits) await scene.send('QUIT');
          await scene.endInput();
          await scene.pass(8_000);
          await scene.pass(2_100);
          for (const [of, count] of agent.asked) {
            const got = scene.results.filter((one) => one.uid === of).length;
            assert.equal(got, count, `${of} was asked for ${count} times`);
          }
          for (const { uid } of scene.results) assert.ok(agent.asked.has(uid), `${uid} is unsafe`);
          assert.equal(scene.ended, quits ? 'quit' : 'eof');
          for (const id of watched.begun) watched.meet(id).resolve();
          await scene.send();
          const { queued, running, awaiting, stuck, lanes, deadlines } = scene.hf.calls.stats();
          const left = [queued, running, awaiting, stuck, lanes, deadlines];
          assert.deepEqual(left, [0, 0, 0, 0, 0, 0]);
          await scene.close();
        },
      ),
      { numRuns: 60 },
    );
  });
});
