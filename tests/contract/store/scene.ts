/**
 * Owns the words in which the contract is written: nodes, runs, and what they do, in short.
 */
import assert from 'node:assert/strict';
import { overdueMarginMs } from '../../../src/core/execution/deadline.ts';
import type { NodeKey } from '../../../src/core/execution/run.ts';
import type { ErrorDetail } from '../../../src/core/outcome.ts';
import type { Store } from '../../../src/ports/store.ts';
import type { DeathEvidence, NodeCard } from '../../../src/ports/store-nodes.ts';
import type { RunDetail, RunView } from '../../../src/ports/store-reads.ts';
import type {
  ClaimedRun,
  EndItem,
  EndOfAttempt,
  EndVerdict,
  RunPolicy,
  StartItem,
} from '../../../src/ports/store-runs.ts';
import { audit } from './audit.ts';
import type { StoreWorld } from './suite.ts';

/** What a test may say about a run; the rest is the plainest there is. */
export type Wish = Omit<Partial<StartItem>, 'policy'> & { readonly policy?: Partial<RunPolicy> };

/** Tries again at once, as often as asked, so that only tests about time wait for it. */
export const plainPolicy: RunPolicy = {
  retry: {
    attemptsMax: 3,
    backoff: 'fixed',
    delayMs: 0,
    factor: 1,
    delayMsMax: 60_000,
    jitter: 0,
  },
  onCrash: 'retry',
  crashesMax: 3,
  attemptTimeoutMs: null,
  graceMs: 60_000,
};

/**
 * A grace that takes the margin back too: others may end the attempt as soon as they may at all.
 */
export const noGrace = { graceMs: -overdueMarginMs } as const;

/** What a handler threw. */
export const boom: ErrorDetail = { code: 'attempt.failed', message: 'boom', name: 'TypeError' };

/** The proof that a process is gone. */
export const gone: DeathEvidence = {
  kind: 'process-gone',
  detail: { code: 'attempt.crashed', message: 'process 7 is gone', details: { pid: 7 } },
};

/** How long a test waits by the store's clock, and how often it looks while that stands still. */
const patienceMs = 30_000;
const looksMax = 20_000;

export class Scene {
  readonly store: Store;
  readonly world: StoreWorld;
  #runs = 0;
  #nodes = 0;

  constructor(world: StoreWorld) {
    this.world = world;
    this.store = world.store;
  }

  /** A run to start, named by its number unless the test names it. */
  item({ policy, ...wish }: Wish = {}): StartItem {
    this.#runs += 1;
    return {
      id: `run-${this.#runs}`,
      idempotent: true,
      fn: 'work',
      input: 'null',
      lane: null,
      laneWidth: 1,
      tenant: 'default',
      prioritySeconds: 0,
      dueAt: null,
      deadlineAt: null,
      tags: [],
      ...wish,
      policy: { ...plainPolicy, ...policy },
    };
  }

  /** Starts runs in one call; every one must be accepted as new. Gives their ids. */
  async start(...wishes: readonly Wish[]): Promise<string[]> {
    const { reply } = await this.store.start(wishes.map((wish) => this.item(wish)));
    return reply.map((verdict) => {
      assert.ok(verdict.ok && verdict.created, `not accepted: ${JSON.stringify(verdict)}`);
      return verdict.id;
    });
  }

  /** The same run wished for many times. */
  startMany(count: number, wish: Wish): Promise<string[]> {
    return this.start(...Array.from({ length: count }, () => wish));
  }

  /** A card with everything that the test does not care about. */
  card(over: Partial<NodeCard> = {}): NodeCard {
    this.#nodes += 1;
    const pid = 1_000 + this.#nodes;
    return {
      name: `node-${this.#nodes}`,
      process: { hostId: 'host', hostName: 'here', pid, startedAt: `start-${pid}` },
      ttlMs: 600_000,
      slots: 100,
      functions: [{ fn: 'work', version: '1', digest: 'digest' }],
      ...over,
    };
  }

  async join(over: Partial<NodeCard> = {}): Promise<NodeKey> {
    const verdict = await this.store.join(this.card(over));
    assert.ok(verdict.ok, JSON.stringify(verdict));
    return verdict.node;
  }

  /** Claims up to `runsMax` runs of `work`, or of the functions named. */
  async claim(
    node: NodeKey,
    runsMax = 100,
    fns: readonly string[] = ['work'],
  ): Promise<readonly ClaimedRun[]> {
    const functions = fns.map((fn) => ({ fn, runsMax }));
    const reply = await this.store.claim({ node, functions, runsMax });
    assert.ok(reply.ok, JSON.stringify(reply));
    return reply.runs;
  }

  /** Claims and names what it got. */
  async claimIds(node: NodeKey, runsMax?: number, fns?: readonly string[]): Promise<string[]> {
    return (await this.claim(node, runsMax, fns)).map((run) => run.id);
  }

  /** Claims the one run that there must be. */
  async claimOne(node: NodeKey, fns?: readonly string[]): Promise<ClaimedRun> {
    const [run] = await this.claim(node, 1, fns);
    assert.ok(run !== undefined, 'nothing was handed out');
    return run;
  }

  /** Ends an attempt and gives the verdict. */
  async end(run: Pick<EndItem, 'seq' | 'fence'>, end: EndOfAttempt): Promise<EndVerdict> {
    const { reply } = await this.store.end([{ seq: run.seq, fence: run.fence, end }]);
    const [verdict] = reply;
    assert.ok(verdict !== undefined);
    return verdict;
  }

  /** Ends attempts as succeeded; every one must be accepted. */
  async succeed(...runs: readonly ClaimedRun[]): Promise<void> {
    for (const run of runs) {
      const verdict = await this.end(run, { how: 'succeeded', result: '"done"' });
      assert.deepEqual(verdict, {
        ok: true,
        outcome: { kind: 'succeeded', error: null },
        repeated: false,
      });
    }
  }

  /** Ends an attempt as failed; it must be accepted. */
  async fail(
    run: ClaimedRun,
    how: Omit<Extract<EndOfAttempt, { how: 'failed' }>, 'how' | 'error' | 'chance'> & {
      readonly chance?: number;
    } = {},
  ): Promise<Extract<EndVerdict, { ok: true }>> {
    const verdict = await this.end(run, { how: 'failed', error: boom, chance: 0, ...how });
    assert.ok(verdict.ok, JSON.stringify(verdict));
    return verdict;
  }

  /** A run that must be in the store. */
  async get(id: string | undefined): Promise<RunDetail> {
    const run = await this.store.get(id ?? 'no id');
    assert.ok(run !== null, `no run ${id}`);
    return run;
  }

  /**
   * Where a run stands: its gate while it is queued, its outcome when it is done, else its status.
   */
  async stands(id: string | undefined): Promise<string> {
    return standingOf(await this.get(id));
  }

  /** Where each of some runs stands. */
  allStand(ids: readonly string[]): Promise<string[]> {
    return Promise.all(ids.map((id) => this.stands(id)));
  }

  /** Looks again and again until the condition holds, and lets time pass in between. */
  async until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const from = this.world.now();
    let seen = from;
    for (let looks = 0; looks < looksMax && seen - from < patienceMs; looks += 1) {
      if (await holds()) return;
      await this.world.pass();
      const now = this.world.now();
      if (now !== seen) looks = 0;
      seen = now;
    }
    assert.fail(`waited in vain until ${what}`);
  }

  /** Sweeps until a run has left the gate of time. */
  async untilDue(id: string | undefined): Promise<void> {
    await this.until(`${id} came due`, async () => {
      await this.store.sweep(100);
      return (await this.stands(id)) !== 'time';
    });
  }

  /** Declares a node dead and takes everything from it. */
  async bury(node: NodeKey): Promise<void> {
    for (;;) {
      const { reply } = await this.store.recover(node, gone, 100);
      assert.ok(reply.ok, JSON.stringify(reply));
      if (!reply.more) return;
    }
  }

  /** Every guarantee that can be checked by looking at the store alone. */
  async nothingIsWrong(): Promise<void> {
    assert.deepEqual(await audit(this.store), []);
  }
}

/** Where a run stands, in one word. */
const standingOf = (run: RunView): string => run.outcome?.kind ?? run.gate ?? run.status;
