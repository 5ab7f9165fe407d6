/**
 * Transactions that steps share with their code, on a real server: what the code writes and what is
 * kept of the step are committed together, once, whoever tries and whatever breaks.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import pg from 'pg';
import type { ClaimedRun } from '../../src/ports/store-runs.ts';
import type { StepTransaction, TransactionAsk } from '../../src/ports/transactions.ts';
import {
  type OpenTransactions,
  openStepTransactions,
} from '../../src/store/postgres/step-transactions.ts';
import { parsePostgresAddress } from '../../src/system/postgres/address.ts';
import { startProxy } from './proxy.ts';
import { type StoreScene, storeScene } from './store-scene.ts';

let at: StoreScene;
let run: ClaimedRun;
let opened: OpenTransactions[] = [];

beforeEach(async () => {
  at = await storeScene();
  await at.sql('create table $s.effects (run text not null, who text not null)');
  await at.scene.start({});
  run = await at.scene.claimOne(await at.scene.join());
});
afterEach(async () => {
  await Promise.all(opened.map((one) => one.close()));
  opened = [];
  await at[Symbol.asyncDispose]();
});

/** The transactions of one more process. */
function transactions(url = at.url): OpenTransactions {
  const address = parsePostgresAddress(url);
  const { schema } = at;
  const one = openStepTransactions({ address, schema, connectionsMax: 2, durability: 'full' });
  opened.push(one);
  return one;
}

/** A step that writes one line and gives who wrote it. */
const effect =
  (who: string, after: (tx: StepTransaction) => unknown = () => {}) =>
  async (tx: StepTransaction): Promise<string> => {
    await tx.query(`insert into "${at.schema}".effects values ($1, $2)`, [run.id, who]);
    await after(tx);
    return JSON.stringify(who);
  };

const ask = (more: Partial<TransactionAsk> & Pick<TransactionAsk, 'code'>): TransactionAsk => ({
  ...{ id: run.id, seq: run.seq, fence: run.fence, key: 'step/pay' },
  isolation: 'read committed',
  late: new AbortController().signal,
  gone: new AbortController().signal,
  ...more,
});

const effects = async (): Promise<readonly unknown[]> =>
  (await at.sql('select who from $s.effects')).map(({ who }) => who);
const results = async (): Promise<readonly unknown[]> =>
  (await at.sql('select value from $s.step_results')).map(({ value }) => value);
const never = async (): Promise<string> => assert.fail('the code was called');

/** Waits until so many sessions of the steps of this schema wait for a lock. */
async function blocked(count: number): Promise<void> {
  for (;;) {
    const rows = await at.sql(
      `select 1 from pg_stat_activity where application_name = $1 and wait_event_type = 'Lock'`,
      [`holdfast ${at.schema} steps`],
    );
    if (rows.length >= count) return;
    await turn();
  }
}

/** Something that is let go by hand. */
const gate = () => {
  const reached = Promise.withResolvers<void>();
  const open = Promise.withResolvers<void>();
  return {
    pass: async (): Promise<void> => {
      reached.resolve();
      await open.promise;
    },
    reached: reached.promise,
    open: open.resolve,
  };
};

describe('a step in a transaction', () => {
  it('commits what its code wrote with what is kept of it, and is done once', async () => {
    const first = await transactions().run(ask({ code: effect('a') }));
    assert.deepEqual(first, { kept: true, value: '"a"' });
    const again = await transactions().run(ask({ code: never }));
    assert.deepEqual(again, { kept: true, value: '"a"' });
    assert.deepEqual([await effects(), await results()], [['a'], ['"a"']]);
  });

  it('leaves nothing of what throws', async () => {
    const thrown = new Error('no funds');
    const code = effect('a', () => Promise.reject(thrown));
    await assert.rejects(transactions().run(ask({ code })), thrown);
    assert.deepEqual([await effects(), await results()], [[], []]);
  });

  it('commits nothing after a statement that failed, though the code caught it', async () => {
    const code = effect('a', (tx) => tx.query('select 1 / 0').catch(() => {}));
    await assert.rejects(transactions().run(ask({ code })), { code: '22012' });
    const unheard = effect('b', (tx) => void tx.query('select 1 / 0'));
    await assert.rejects(transactions().run(ask({ code: unheard })), { code: '22012' });
    assert.deepEqual([await effects(), await results()], [[], []]);
  });

  it('cannot be ended by its code, by any way of saying so', async () => {
    const ends = [
      'commit',
      ' ROLLBACK work',
      'select 1; commit',
      'select 1; rollback',
      '/* */ end',
    ];
    for (const text of ends) {
      const code = effect(text, (tx) => tx.query(text).catch(() => {}));
      await assert.rejects(transactions().run(ask({ code })), { code: 'request.invalid' }, text);
      const more = effect(text, async (tx) => {
        await tx.query(text).catch(() => {});
        await tx.query(`insert into "${at.schema}".effects values ('', 'alone')`);
      });
      await assert.rejects(transactions().run(ask({ code: more })), { code: 'request.invalid' });
    }
    assert.deepEqual([await effects(), await results()], [[], []]);
  });

  it('refuses what its code says when it is over', async () => {
    let kept: StepTransaction | undefined;
    const code = effect('a', (tx) => {
      kept = tx;
    });
    await transactions().run(ask({ code }));
    await assert.rejects(kept?.query('select 1') ?? Promise.resolve(), { code: 'attempt.over' });
  });

  it('may go back to a savepoint, also after a statement that failed', async () => {
    const code = effect('a', async (tx) => {
      await tx.query('savepoint one');
      await tx.query(`insert into "${at.schema}".effects values ('', 'undone')`);
      await tx.query('select 1 / 0').catch(() => {});
      await tx.query('rollback to savepoint one');
    });
    assert.deepEqual(await transactions().run(ask({ code })), { kept: true, value: '"a"' });
    assert.deepEqual(await effects(), ['a']);
  });

  it('(G1) is not done by who does not own the run', async () => {
    const stale = { ...ask({ code: never }), fence: (run.fence - 1) as ClaimedRun['fence'] };
    const nothing = { kept: false, fault: null };
    assert.deepEqual(await transactions().run(stale), nothing);
    const taken = effect('a', () => at.scene.succeed(run));
    assert.deepEqual(await transactions().run(ask({ code: taken })), nothing);
    assert.deepEqual([await effects(), await results()], [[], []]);
  });

  it('goes with its run', async () => {
    await transactions().run(ask({ code: effect('a') }));
    await at.scene.succeed(run);
    const kept = { failed: null, cancelled: null, 'timed-out': null, rejected: null, lost: null };
    await at.store.prune({ succeeded: -1, ...kept }, 100);
    assert.deepEqual(await results(), []);
  });
});

describe('the same step in two transactions', () => {
  for (const isolation of ['read committed', 'repeatable read', 'serializable'] as const) {
    it(`waits for the first, and takes its value if that commits (${isolation})`, async () => {
      const held = gate();
      const first = transactions().run(ask({ isolation, code: effect('a', held.pass) }));
      await held.reached;
      const second = transactions().run(ask({ isolation, code: never }));
      await blocked(1);
      held.open();
      const value = { kept: true, value: '"a"' };
      assert.deepEqual(await Promise.all([first, second]), [value, value]);
      assert.deepEqual(await effects(), ['a']);
    });
  }

  it('waits for the first, and does it if that does not commit', async () => {
    const held = gate();
    const thrown = new Error('no');
    const code = effect('a', async () => {
      await held.pass();
      throw thrown;
    });
    const first = transactions().run(ask({ code }));
    await held.reached;
    const second = transactions().run(ask({ code: effect('b') }));
    await blocked(1);
    held.open();
    await assert.rejects(first, thrown);
    assert.deepEqual(await second, { kept: true, value: '"b"' });
    assert.deepEqual(await effects(), ['b']);
  });

  it('does not keep two steps of one isolation from each other', async () => {
    const held = gate();
    const isolation = 'serializable';
    const first = transactions().run(ask({ isolation, code: effect('a', held.pass) }));
    await held.reached;
    const other = { isolation, key: 'step/other' } as const;
    assert.ok((await transactions().run(ask({ ...other, code: effect('b') }))).kept);
    held.open();
    assert.ok((await first).kept);
    assert.deepEqual([...(await effects())].sort(), ['a', 'b']);
  });
});

describe('what breaks around a step in a transaction', () => {
  /** Ends the sessions of steps. */
  const endSessions = async (): Promise<void> => {
    await at.sql(
      'select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1',
      [`holdfast ${at.schema} steps`],
    );
  };

  it('is done again after a deadlock, in the same try', async () => {
    await at.sql(
      'create table $s.locks (n integer primary key); insert into $s.locks values (1), (2)',
    );
    const lock = (tx: StepTransaction, n: number) =>
      tx.query(`select 1 from "${at.schema}".locks where n = $1 for update`, [n]);
    const both = [gate(), gate()];
    let calls = 0;
    const step = (key: string, mine: number) =>
      transactions().run(
        ask({
          key,
          code: async (tx) => {
            calls += 1;
            await lock(tx, mine + 1);
            await both[mine]?.pass();
            await lock(tx, 2 - mine);
            return 'null';
          },
        }),
      );
    const ends = [step('step/one', 0), step('step/two', 1)];
    await Promise.all(both.map(({ reached }) => reached));
    for (const { open } of both) open();
    for (const end of await Promise.all(ends)) assert.ok(end.kept);
    assert.equal(calls, 3);
  });

  it('is the failure of a try where its connection is lost in the code', async () => {
    const code = effect('a', async (tx) => {
      await endSessions();
      await tx.query('select 1');
    });
    await assert.rejects(transactions().run(ask({ code })));
    assert.deepEqual([await effects(), await results()], [[], []]);
  });

  it('is the failure of a try that stands still, which the server ends', async () => {
    const sessions = 'select 1 from pg_stat_activity where application_name = $1';
    for (const asks of [false, true]) {
      const code = effect('a', async (tx) => {
        await tx.query('set local idle_in_transaction_session_timeout = 50');
        while ((await at.sql(sessions, [`holdfast ${at.schema} steps`])).length > 0) await turn();
        if (asks) await tx.query('select 1');
      });
      await assert.rejects(transactions().run(ask({ code })), { code: 'step.timed_out' });
    }
    assert.deepEqual([await effects(), await results()], [[], []]);
  });

  it('is done again where its session is ended in its commit, which so did nothing', async () => {
    // The commit takes a while: a deferred trigger waits for a lock that somebody has.
    await at.sql(`
      create function $s.hold() returns trigger language plpgsql as $f$
      begin perform pg_advisory_xact_lock(4711); return null; end $f$;
      create constraint trigger held after insert on $s.effects deferrable initially deferred
        for each row execute function $s.hold();
    `);
    const url = new URL(at.url);
    url.searchParams.delete('schema');
    const holder = new pg.Client({ connectionString: url.href });
    await holder.connect();
    await holder.query('select pg_advisory_lock(4711)');
    let calls = 0;
    const code = effect('a', () => {
      calls += 1;
    });
    const end = transactions().run(ask({ code }));
    await blocked(1);
    await endSessions();
    await holder.end();
    assert.deepEqual(await end, { kept: true, value: '"a"' });
    assert.deepEqual([calls, await effects(), await results()], [2, ['a'], ['"a"']]);
  });

  it('finds the value where the answer to its commit was lost', async () => {
    const target = new URL(at.url);
    const proxy = await startProxy({ host: target.hostname, port: Number(target.port) });
    let calls = 0;
    const code = effect('a', () => {
      calls += 1;
      proxy.delay(200);
    });
    const end = transactions(proxy.url(at.url)).run(ask({ code }));
    while ((await results()).length === 0) await turn();
    proxy.cut();
    proxy.delay(0);
    assert.deepEqual(await end, { kept: true, value: '"a"' });
    assert.deepEqual([calls, await effects()], [1, ['a']]);
    await proxy.close();
  });

  it('is no failure of the step where it cannot even begin', async () => {
    await at.sql('alter table $s.step_results rename to gone');
    const end = await transactions().run(ask({ code: never }));
    assert.ok(!end.kept && end.fault?.code === 'store.corrupt', JSON.stringify(end));
    await at.sql('alter table $s.gone rename to step_results');
  });

  it('waits for whoever is about to commit the same step, also past its time', async () => {
    const held = gate();
    const first = transactions().run(ask({ code: effect('a', held.pass) }));
    await held.reached;
    const late = new AbortController();
    const second = transactions().run(ask({ late: late.signal, code: never }));
    await blocked(1);
    late.abort(new Error('too late'));
    await blocked(1);
    held.open();
    const value = { kept: true, value: '"a"' };
    assert.deepEqual(await Promise.all([first, second]), [value, value]);
  });

  it('gives up at once when its time is over, and leaves nothing', async () => {
    const late = new AbortController();
    const over = new Error('too late');
    const held = gate();
    const end = transactions().run(ask({ late: late.signal, code: effect('a', held.pass) }));
    await held.reached;
    late.abort(over);
    await assert.rejects(end, over);
    held.open();
    assert.deepEqual(await transactions().run(ask({ code: effect('b') })), {
      kept: true,
      value: '"b"',
    });
    assert.deepEqual(await effects(), ['b']);
  });
});
