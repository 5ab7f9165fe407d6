/** The contract of forks: a second run that goes on from a step of the first. */
import assert from 'node:assert/strict';
import {
  answer,
  approval,
  begin,
  emit,
  end,
  endsOf,
  forkAs,
  given,
  park,
  record,
  refused,
  running,
  sleep,
  stepsOf,
  threw,
  waitFor,
} from './step-words.ts';
import type { Contract } from './suite.ts';

export function forking(contract: Contract): void {
  copying(contract);
  refusing(contract);
}

function copying(contract: Contract): void {
  contract('(F1) takes along what ended before the step, in its order', async (scene) => {
    const wish = { input: '{"n":1}', tenant: 'a', tags: ['x'], fn: 'work', prioritySeconds: 5 };
    const run = await running(scene, wish);
    await record(scene, run, begin('a'), begin('b'), waitFor('open'), begin('c'));
    await record(scene, run, end('c', 3), end('b', 2));
    await record(scene, run, { ...end('a'), end: threw } as never, begin('d'), end('e', 5));
    const before = await stepsOf(scene, run.id);
    const verdict = await forkAs(scene, run.id, 'second', 'step/e');
    assert.deepEqual(verdict, { ok: true, id: 'second', created: true, kept: 3 });
    const kept = await stepsOf(scene, 'second');
    assert.deepEqual(
      kept.map(({ key, ord, attempt, end: ended }) => [key, ord, attempt, ended?.nth, ended?.how]),
      [
        ['step/a', 1, 0, 3, 'threw'],
        ['step/b', 2, 0, 2, 'returned'],
        ['step/c', 3, 0, 1, 'returned'],
      ],
    );
    assert.deepEqual(kept[0]?.end?.error, threw.error);
    assert.deepEqual(await stepsOf(scene, run.id), before, 'the first run stays as it is');
    const second = await scene.get('second');
    assert.deepEqual(
      [second.retryOf, second.input, second.tenant, second.tags, second.status],
      [run.id, '{"n":1}', 'a', ['x'], 'queued'],
    );
    await scene.succeed(run);
  });

  contract('goes on with numbers of its own', async (scene) => {
    const run = await running(scene);
    await record(scene, run, begin('a'), end('b', 1), begin('c'), end('d', 2));
    assert.ok((await forkAs(scene, run.id, 'second')).ok);
    const fork = await scene.claimOne(await scene.join());
    assert.deepEqual([fork.id, fork.attempt], ['second', 1]);
    // (F3) By that its owner knows that there are steps to be read.
    assert.ok(fork.fence > 1, `fence ${fork.fence}`);
    await record(scene, fork, end('a', 3), waitFor('paid'));
    await emit(scene, 'paid');
    const kept = await stepsOf(scene, 'second');
    assert.deepEqual(
      kept.map(({ key, ord, attempt, end: ended }) => [key, ord, attempt, ended?.nth]),
      [
        ['step/b', 1, 0, 1],
        ['step/d', 2, 0, 2],
        ['step/a', 3, 1, 3],
        ['event/paid', 4, 1, 4],
      ],
    );
    assert.deepEqual(await endsOf(scene, run.id), ['step/b returned', 'step/d returned']);
    await park(scene, fork, 4, sleep('s', 1_000));
    assert.equal(await scene.stands('second'), 'parked');
  });

  contract('a wait that has ended is taken along, and its token stays', async (scene) => {
    const run = await running(scene);
    await record(scene, run, approval('t-1'), approval('t-2'), waitFor('paid'));
    assert.ok((await answer(scene, 't-1', 'yes')).ok);
    await emit(scene, 'paid', 9);
    assert.deepEqual(await forkAs(scene, run.id, 'second'), {
      ...{ ok: true, id: 'second', created: true, kept: 2 },
    });
    const [decided, paid] = await stepsOf(scene, 'second');
    assert.deepEqual([decided?.wait?.token, decided?.end?.value], [null, '"yes"']);
    assert.equal(given(paid ?? assert.fail()).data, 9);
    assert.equal(refused(await answer(scene, 't-1')), 'approval.already_done');
    assert.deepEqual(await answer(scene, 't-2'), { ok: true, runId: run.id });
    assert.equal(await emit(scene, 'paid'), 0);
  });

  contract('a run that has ended can be forked, and a fork too', async (scene) => {
    const run = await running(scene);
    await record(scene, run, end('a', 1), end('b', 2));
    await scene.succeed(run);
    assert.ok((await forkAs(scene, run.id, 'second', 'step/b')).ok);
    assert.ok((await forkAs(scene, 'second', 'third')).ok);
    assert.deepEqual(await endsOf(scene, 'third'), ['step/a returned']);
    assert.equal((await scene.get('third')).retryOf, 'second');
    assert.ok((await forkAs(scene, run.id, 'fourth', 'step/a')).ok);
    assert.deepEqual(await stepsOf(scene, 'fourth'), []);
  });

  contract('forks many in one call', async (scene) => {
    const run = await running(scene);
    await record(scene, run, end('a', 1));
    const items = Array.from({ length: 120 }, (_, at) => ({
      ...{ id: run.id, newId: `fork-${at}`, from: null },
    }));
    const { reply, woken } = await scene.store.fork(items);
    assert.ok(reply.every((one) => one.ok && one.created && one.kept === 1));
    assert.equal(woken.ready, true);
    assert.deepEqual(await endsOf(scene, 'fork-119'), ['step/a returned']);
    assert.equal((await scene.store.counts()).queued, 120);
  });
}

function refusing(contract: Contract): void {
  contract('(F2) a fork that is asked for again is found', async (scene) => {
    const run = await running(scene);
    await record(scene, run, end('a'));
    assert.ok((await forkAs(scene, run.id, 'second')).ok);
    assert.deepEqual(await forkAs(scene, run.id, 'second'), {
      ...{ ok: true, id: 'second', created: false, kept: 1 },
    });
    assert.equal((await stepsOf(scene, 'second')).length, 1);
    await scene.start({ id: 'taken' });
    assert.equal(refused(await forkAs(scene, run.id, 'taken')), 'run.conflict');
  });

  contract('says what is not there, each for itself', async (scene) => {
    const run = await running(scene);
    await record(scene, run, end('a'));
    const { reply } = await scene.store.fork([
      { id: 'nobody', newId: 'x', from: null },
      { id: run.id, newId: 'y', from: 'step/none' },
      { id: run.id, newId: 'z', from: 'step/a' },
      { id: run.id, newId: 'z', from: 'step/a' },
    ]);
    assert.deepEqual(reply.map(refused), [
      ...['run.not_found', 'step.not_found', 'accepted', 'accepted'],
    ]);
    assert.deepEqual(
      reply.map((one) => one.ok && one.created),
      [false, false, true, false],
    );
    assert.equal(await scene.store.get('x'), null);
    assert.equal(await scene.store.get('y'), null);
  });

  contract('a tenant that is full gets no fork', async (scene) => {
    const run = await running(scene, { tenant: 'a' });
    await record(scene, run, end('a'));
    await scene.store.setTenant({ tenant: 'a', waitingMax: 1 });
    assert.ok((await forkAs(scene, run.id, 'second')).ok);
    assert.equal(refused(await forkAs(scene, run.id, 'third')), 'tenant.full');
    assert.equal(await scene.store.get('third'), null);
  });
}
