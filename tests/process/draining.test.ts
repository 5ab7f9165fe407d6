/** SIGTERM: running work ends within the grace, or is handed back unharmed. G3. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test from 'node:test';
import { assertEndedOnce } from './ledger.ts';
import { type Child, type Scene, scene, times } from './scene.ts';
import { patienceMs, within } from './wait.ts';

/** Long enough for a handler whose gate opens when draining is told. */
const graceMs = 3_000;
/** What a drained process may take on top of the grace, on a machine that is busy. */
const marginMs = 15_000;

test('G3: after SIGTERM a process ends what can end and hands back the rest', async (t) => {
  const made = await scene(t);
  const leaving = await made.worker('leaving', { drainGraceMs: graceMs });
  const held = await made.start('hold', times(3, {}));
  const stubborn = await made.start('hold', times(3, { until: 'signal' }));
  await made.ledger.until(6, 'begin', { node: 'leaving' });
  const heir = await made.worker('heir');

  const draining = drainingTold(made, 'leaving');
  leaving.process.kill('SIGTERM');
  await draining;
  leaving.tell({ ask: 'open-gate' });
  const waiting = await made.start('work', times(20, {}));
  const ended = within(graceMs + marginMs, 'the drained process has ended', leaving.gone);
  assert.equal(await ended, 0);
  await assertHandedOver(made, { held, stubborn, heir });
  assert.equal((await made.outcomes(waiting)).length, 20);
  assertEndedOnce(made.ledger, [...held, ...stubborn, ...waiting]);
  assert.equal(made.ledger.of('begin', { node: 'leaving' }).length, 6, 'it claimed nothing more');
});

test('G3: holdfast up does the same for all of its workers', async (t) => {
  const made = await scene(t);
  const gatePath = join(made.folder, 'gate');
  const root = join(import.meta.dirname, '..', '..');
  const args = [
    ...['--conditions=holdfast-source', join(root, 'src', 'cli', 'main.ts')],
    ...['up', join(import.meta.dirname, 'up-app.ts'), '--store', made.store],
    ...['--workers', '2', '--slots', '2', '--name', 'up', '--grace', `${graceMs}ms`, '--json'],
  ];
  const env = { ...process.env, CHAOS_LEDGER: made.ledger.path, CHAOS_GATE: gatePath };
  const up = made.adopt(
    'up',
    spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] }),
  );
  const told = eventsOf(up);
  await Promise.all([told('ready', 1), told('ready', 2)]);

  const held = await made.start('hold', times(2, {}));
  const stubborn = await made.start('hold', times(2, { until: 'signal' }));
  await made.ledger.until(4, 'begin');
  const heir = await made.worker('heir');
  up.process.kill('SIGTERM');
  await told('draining');
  writeFileSync(gatePath, '');
  const ended = within(graceMs + marginMs, 'holdfast up has ended', up.gone);
  assert.equal(await ended, 0);
  await assertHandedOver(made, { held, stubborn, heir });
  assertEndedOnce(made.ledger, [...held, ...stubborn]);
});

interface Work {
  /** Runs that ended in the grace. */
  readonly held: readonly string[];
  /** Runs that only their signal moves. */
  readonly stubborn: readonly string[];
  /** The node that was left. */
  readonly heir: Child;
}

/** Nothing of it counts against the runs: their functions allow a single attempt. */
async function assertHandedOver(made: Scene, { held, stubborn, heir }: Work): Promise<void> {
  const outcomes = await made.outcomes([...held, ...stubborn]);
  assert.deepEqual(new Set(outcomes.map(({ kind }) => kind)), new Set(['succeeded']));
  for (const id of [...held, ...stubborn]) {
    const { failures, crashes, attempts } = await made.run(id);
    assert.deepEqual([failures, crashes], [0, 0]);
    const ends = stubborn.includes(id) ? ['handed-back', 'succeeded'] : ['succeeded'];
    assert.deepEqual(
      attempts.map(({ end }) => end),
      ends,
    );
  }
  const begun = made.ledger.of('begin', { node: heir.node });
  assert.deepEqual(
    begun
      .map(({ run }) => run)
      .filter((run) => stubborn.includes(run))
      .toSorted(),
    stubborn.toSorted(),
  );
  assert.equal((await heir.stats()).takenOver, 0, 'nothing had to be taken from a dead node');
}

/** Resolves when the node is seen to drain. */
async function drainingTold(made: Scene, node: string): Promise<void> {
  const hf = await made.observe();
  const seen = async (): Promise<void> => {
    for (;;) {
      const rows = await hf.nodes.list();
      if (rows.find(({ name }) => name === node)?.state === 'draining') return;
    }
  };
  await within(patienceMs, `${node} drains`, seen());
}

/** Waits for lines of `holdfast up --json`, of one worker if it is given. */
function eventsOf(up: Child): (event: string, worker?: number) => Promise<void> {
  const { stdout } = up.process;
  assert.ok(stdout !== null);
  const said: { readonly event: string; readonly worker?: number }[] = [];
  const lookers = new Set<() => void>();
  createInterface({ input: stdout }).on('line', (line) => {
    said.push(JSON.parse(line) as { event: string; worker?: number });
    for (const look of lookers) look();
  });
  return async (event, worker) => {
    const told = Promise.withResolvers<void>();
    const look = (): void => {
      const fits = said.some((one) => one.event === event && (worker ?? one.worker) === one.worker);
      if (fits) told.resolve();
    };
    lookers.add(look);
    look();
    const what = `holdfast up says '${event}'; it said ${said.map((one) => one.event)}`;
    await within(patienceMs, what, told.promise);
    lookers.delete(look);
  };
}
