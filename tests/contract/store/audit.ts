/**
 * Owns the look at a store from outside: what must hold whatever was done to it. It believes the
 * single rows and recomputes everything that is said about many.
 *
 * A1 `examine` finds nothing bad.
 * A2 (G4) No more runs of a lane are past its gate than its width, and everyone past it is a
 *    holder.
 * A3 No tenant has more runs eligible or running than its limit, once limits were not lowered over
 *    them.
 * A4 The counts are those of the rows.
 * A5 (G2) A run has an outcome exactly if it is done, and a result only if it succeeded.
 */
import type { Store } from '../../../src/ports/store.ts';
import type { RunCounts, RunView } from '../../../src/ports/store-reads.ts';

/** Everything that is wrong with a store, in sentences. */
export async function audit(store: Store): Promise<readonly string[]> {
  const findings = await store.examine();
  const wrong = findings.filter(({ level }) => level === 'bad').map(({ message }) => message);
  const runs = await everyRun(store);
  return [
    ...wrong,
    ...(await lanesOf(store, runs)),
    ...(await tenantsOf(store, runs)),
    ...countsOf(await store.counts(), runs),
    ...(await outcomesOf(store, runs)),
  ];
}

/** All runs by pages of a size that does not divide anything. */
export async function everyRun(store: Store, rowsMax = 97): Promise<readonly RunView[]> {
  const runs: RunView[] = [];
  let before: number | null = null;
  do {
    const page = await store.list({ filter: {}, before, rowsMax });
    runs.push(...page.runs);
    before = page.next;
  } while (before !== null);
  return runs;
}

async function lanesOf(store: Store, runs: readonly RunView[]): Promise<readonly string[]> {
  const wrong: string[] = [];
  for (const { lane, holders, waiting } of await store.lanes(1_000)) {
    const inLane = runs.filter((run) => run.lane === lane);
    const widest = Math.max(...inLane.map((run) => run.laneWidth), 0);
    if (holders.length > widest) wrong.push(`lane ${lane}: ${holders.length} hold it`);
    for (const run of inLane) {
      const past = run.gate === 'tenant' || run.gate === 'slot' || run.status === 'running';
      if (past && !holders.includes(run.id)) wrong.push(`lane ${lane}: ${run.id} is past it`);
    }
    const before = inLane.filter((run) => run.gate === 'lane').length;
    if (waiting !== before) wrong.push(`lane ${lane}: says ${waiting} wait, ${before} do`);
  }
  const known = new Set((await store.lanes(1_000)).map(({ lane }) => lane));
  const unknown = runs.filter((run) => run.gate === 'lane' && !known.has(run.lane ?? ''));
  return [...wrong, ...unknown.map((run) => `${run.id} waits for a lane that is not shown`)];
}

async function tenantsOf(store: Store, runs: readonly RunView[]): Promise<readonly string[]> {
  const wrong: string[] = [];
  for (const { tenant, runningMax, holding } of await store.tenants(1_000)) {
    if (runningMax === null) continue;
    const mine = runs.filter((run) => run.tenant === tenant);
    const running = mine.filter((run) => run.status === 'running').length;
    const eligible = mine.filter((run) => run.gate === 'slot').length;
    const allowed = Math.max(runningMax, running);
    if (eligible + running > allowed) {
      wrong.push(`tenant ${tenant}: ${eligible} eligible, ${running} running of ${runningMax}`);
    }
    if (holding < eligible + running) {
      wrong.push(`tenant ${tenant}: ${holding} places for ${eligible + running} runs`);
    }
  }
  return wrong;
}

function countsOf(counts: RunCounts, runs: readonly RunView[]): readonly string[] {
  const seen = new Map<string, number>();
  for (const run of runs) {
    for (const word of [run.status, run.outcome?.kind]) {
      if (word !== undefined) seen.set(word, (seen.get(word) ?? 0) + 1);
    }
  }
  return Object.entries(counts)
    .filter(([word, count]) => (seen.get(word) ?? 0) !== count)
    .map(([word, count]) => `counted ${count} ${word}, listed ${seen.get(word) ?? 0}`);
}

async function outcomesOf(store: Store, runs: readonly RunView[]): Promise<readonly string[]> {
  const wrong = runs
    .filter((run) => (run.status === 'done') !== (run.outcome !== null))
    .map((run) => `${run.id} is ${run.status} with outcome ${run.outcome?.kind}`);
  const { ended, unknown } = await store.ends(runs.map((run) => run.id));
  for (const { id, outcome, result } of ended) {
    if ((outcome.kind === 'succeeded') !== (result !== null)) {
      wrong.push(`${id} is ${outcome.kind} with the result ${result}`);
    }
  }
  const done = runs.filter((run) => run.status === 'done').length;
  if (ended.length !== done) wrong.push(`${ended.length} ends for ${done} runs that are done`);
  return [...wrong, ...unknown.map((id) => `${id} is listed and not known`)];
}
