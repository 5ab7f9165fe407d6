/**
 * Random lives of many runs that want the same lanes, limits and slots: after every step each run
 * holds exactly the places that it should (the reconciler finds nothing), and in the end nobody is
 * stuck.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { audit } from '../../../tests/contract/store/audit.ts';
import { boom, gone, noGrace, type Scene } from '../../../tests/contract/store/scene.ts';
import { type HandWorld, openHandWorld } from '../../../tests/verbs/hand-world.ts';
import type { NodeKey } from '../../core/execution/run.ts';
import type { ClaimedRun, EndOfAttempt } from '../../ports/store-runs.ts';

const { MODEL_RUNS } = process.env;

const lanes = [null, 'x', 'y'] as const;
const tenants = ['a', 'b'] as const;
const fns = ['work', 'other'] as const;

/** What happens while the world is random: `pick` chooses among what there is. */
interface Step {
  readonly what: (typeof whats)[number];
  readonly pick: number;
  readonly size: number;
}

const whats = [
  'start',
  'start',
  'start later',
  'claim',
  'claim',
  'succeed',
  'succeed',
  'fail',
  'time out',
  'hand back',
  'lingering stop',
  'settle',
  'cancel',
  'crash',
  'pass',
  'clock back',
  'pause lane',
  'resume lane',
  'pause function',
  'resume function',
  'limit',
  'lift',
  'release',
  'prune',
] as const;

class Life {
  readonly world: HandWorld = openHandWorld();
  readonly scene: Scene = this.world.scene;
  readonly ids: string[] = [];
  nodes: NodeKey[] = [];
  owned: ClaimedRun[] = [];

  node(pick: number): NodeKey {
    const node = this.nodes[pick % this.nodes.length];
    assert.ok(node !== undefined);
    return node;
  }

  async start(pick: number, size: number, dueInMs: number | null): Promise<void> {
    const wishes = Array.from({ length: size }, (_, at) => {
      const mix = pick + at * 7;
      const now = this.world.now();
      return {
        fn: fns[mix % 2] ?? 'work',
        lane: lanes[mix % 3] ?? null,
        laneWidth: 1 + (mix % 5),
        tenant: tenants[(mix >> 2) % 2] ?? 'a',
        prioritySeconds: (mix % 7) - 3,
        dueAt: dueInMs === null ? null : ((now + dueInMs * (1 + (mix % 3))) as typeof now),
        deadlineAt: mix % 11 === 0 ? ((now + 5_000) as typeof now) : null,
        policy: {
          ...noGrace,
          crashesMax: 2,
          attemptTimeoutMs: mix % 4 === 0 ? 3_000 : null,
          retry: {
            attemptsMax: 3,
            backoff: 'fixed',
            delayMs: mix % 2 === 0 ? 0 : 700,
            factor: 1,
            delayMsMax: 700,
            jitter: 0,
          },
        } as const,
      };
    });
    this.ids.push(...(await this.scene.start(...wishes)));
  }

  async end(pick: number, end: EndOfAttempt): Promise<void> {
    const run = this.owned[pick % Math.max(1, this.owned.length)];
    if (run === undefined) return;
    this.owned = this.owned.filter((other) => other !== run);
    await this.scene.end(run, end);
  }

  async settleAll(): Promise<void> {
    for (const row of this.world.store.rows()) {
      if (row.owner === null || row.stage === 'running') continue;
      await this.world.store.settled(row.owner, [row]);
    }
  }

  async step({ what, pick, size }: Step): Promise<void> {
    const { scene } = this;
    const { store, pass, step } = this.world;
    const lane = lanes[1 + (pick % 2)] ?? 'x';
    const fn = fns[pick % 2] ?? 'work';
    const tenant = tenants[pick % 2] ?? 'a';
    const at = { error: boom, chance: 0.5 } as const;
    switch (what) {
      case 'start':
        return this.start(pick, size, null);
      case 'start later':
        return this.start(pick, size, 500);
      case 'claim':
        this.owned.push(...(await scene.claim(this.node(pick), size, fns)));
        return;
      case 'succeed':
        return this.end(pick, { how: 'succeeded', result: '1' });
      case 'fail':
        return this.end(pick, { how: 'failed', ...at });
      case 'time out':
        return this.end(pick, { how: 'timed-out', ...at, scope: 'attempt', settled: false });
      case 'hand back':
        return this.end(pick, { how: 'handed-back' });
      case 'lingering stop': {
        const run = this.owned[pick % Math.max(1, this.owned.length)];
        if (run === undefined) return;
        await store.cancel([{ id: run.id, reason: 'stop' }]);
        return this.end(pick, { how: 'stopped', settled: false });
      }
      case 'settle':
        return this.settleAll();
      case 'cancel':
        await store.cancel([{ id: this.ids[pick % this.ids.length] ?? '', reason: 'no' }]);
        return;
      case 'crash': {
        const dead = this.node(pick);
        await store.recover(dead, gone, 2);
        await scene.bury(dead);
        this.nodes = [...this.nodes.filter((node) => node !== dead), await scene.join()];
        return;
      }
      default:
        return this.operate(what, { lane, fn, tenant, size, pass, step, pick });
    }
  }

  async operate(
    what: Exclude<Step['what'], 'start'>,
    to: {
      readonly lane: string;
      readonly fn: string;
      readonly tenant: string;
      readonly size: number;
      readonly pick: number;
      readonly pass: (ms: number) => void;
      readonly step: (ms: number) => void;
    },
  ): Promise<void> {
    const { store } = this.world;
    const terms = { tenant: to.tenant, weight: 1 + (to.pick % 3), waitingMax: null };
    switch (what) {
      case 'pass':
        to.pass(to.size * 300);
        await store.sweep(3);
        return;
      case 'clock back':
        return to.step(-to.size * 500);
      case 'pause lane':
        return void (await store.pause('lane', to.lane, 'why'));
      case 'resume lane':
        return void (await store.resume('lane', to.lane));
      case 'pause function':
        return void (await store.pause('function', to.fn, 'why'));
      case 'resume function':
        return void (await store.resume('function', to.fn));
      case 'limit':
        return void (await store.setTenant({ ...terms, runningMax: to.size - 1 }));
      case 'lift':
        return void (await store.setTenant({ ...terms, runningMax: null }));
      case 'release':
        for (const id of this.ids.slice(-20)) {
          if ((await store.get(id))?.status !== 'quarantined') continue;
          await store.retry([{ id, newId: `${id}-again` }]);
        }
        return;
      case 'prune': {
        const retention = { succeeded: 0, failed: 0, cancelled: 0, 'timed-out': 0 } as const;
        await store.prune({ ...retention, rejected: 0, lost: 0 }, 5);
        return;
      }
      default:
        return;
    }
  }

  /** Takes every obstacle away and lets everything run to its end. */
  async drain(): Promise<void> {
    const { scene } = this;
    const { store, pass } = this.world;
    for (const { kind, key } of await store.pauses()) await store.resume(kind, key);
    for (const tenant of tenants) {
      await store.setTenant({ tenant, weight: 1, runningMax: 2, waitingMax: null });
    }
    for (const node of this.nodes) await scene.bury(node);
    this.nodes = [await scene.join()];
    for (let round = 0; round < 2_000; round += 1) {
      pass(5_000);
      const { reply } = await store.sweep(500);
      const runs = await scene.claim(this.node(0), 100, fns);
      for (const run of runs) await scene.end(run, { how: 'succeeded', result: '1' });
      if (runs.length === 0 && reply.due + reply.ended === 0 && round > 20) return;
    }
  }
}

const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom(...whats),
  pick: fc.nat(1_000),
  size: fc.integer({ min: 1, max: 6 }),
});

describe('whatever happens to runs that share lanes, limits and slots', () => {
  it('each holds the places that it should, and in the end nobody is stuck', async () => {
    const steps = fc.array(step, { minLength: 10, maxLength: 80, size: 'max' });
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const life = new Life();
        life.nodes = [await life.scene.join(), await life.scene.join()];
        await life.start(3, 8, null);
        for (const one of list) {
          await life.step(one);
          assert.deepEqual(await audit(life.world.store), [], `after ${JSON.stringify(one)}`);
        }
        await life.drain();
        const { queued, running, parked } = await life.world.store.counts();
        assert.deepEqual({ queued, running, parked }, { queued: 0, running: 0, parked: 0 });
        await life.scene.nothingIsWrong();
      }),
      { numRuns: Number(MODEL_RUNS ?? 100) },
    );
  });
});
