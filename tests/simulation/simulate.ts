/**
 * Owns the course of one simulation: a world lives through its faults, is then left alone, and must
 * come to rest with every promise kept.
 */
import { isDeepStrictEqual } from 'node:util';
import { limits } from '../../src/core/limits.ts';
import type { RunRow } from '../../src/store/verbs/tables.ts';
import type { SimInput } from './behaviour.ts';
import { Desk } from './desk.ts';
import { expected } from './durable.ts';
import { FlowUsers } from './flow-users.ts';
import { policies } from './functions.ts';
import type { WorldKind } from './kinds.ts';
import { Meddlers } from './meddlers.ts';
import { Nemesis } from './nemesis.ts';
import { type FaultKind, type Scenario, scenarioOf } from './scenario.ts';
import { SimWorld, type WorldOptions } from './sim-world.ts';
import { Users } from './users.ts';

const stepsMax = 400_000;

/** What became of one seed. */
export interface Report {
  readonly seed: number;
  readonly kind: WorldKind;
  readonly hash: string;
  readonly violations: readonly string[];
  readonly trace: readonly string[];
  readonly steps: number;
  readonly runs: number;
  readonly virtualMs: number;
  readonly outcomes: Readonly<Record<string, number>>;
  /** What happened how often, to see that the simulation reaches what it is for. */
  readonly marks: ReadonlyMap<string, number>;
}

/** Lives through the world of one seed. */
export async function simulate(
  seed: number,
  options: WorldOptions = {},
  scenario: Scenario = scenarioOf(seed),
): Promise<Report> {
  const world = new SimWorld(scenario, options);
  const from = world.clock.mono();
  const desk = new Desk(world);
  const users = new Users(desk);
  const meddlers = new Meddlers(desk, users);
  world.onPruned = (id) => users.forget(id);
  const nemesis = new Nemesis(world, () => users.tailLost());
  for (let index = 0; index < scenario.nodes; index += 1) void world.spawn(index, null).start();
  users.start();
  new FlowUsers(desk, users).start();
  meddlers.start();
  nemesis.start();
  const activeUntil = from + scenario.activeMs;
  const goesOn = (): boolean =>
    world.clock.mono() < activeUntil && world.stepCount < stepsMax && !world.enough;
  while (goesOn() && (await world.step()));
  world.trace.add('no more faults');
  nemesis.heal();
  desk.close();
  await comeToRest(world, desk, async () => {
    // A request of before may take effect only now, and a process may end only now.
    await meddlers.resumeAll();
    nemesis.restartAll();
  });
  await judgeEnd(world, users);
  await world.examine();
  for (const { engine } of world.processes) world.marks.count(engine.counters);
  const outcomes: Record<string, number> = {};
  for (const { outcome } of world.rows()) {
    const word = outcome ?? 'none';
    outcomes[word] = (outcomes[word] ?? 0) + 1;
  }
  return {
    seed,
    kind: scenario.kind,
    hash: world.trace.hash(),
    violations: world.violations,
    trace: world.trace.tail(200),
    steps: world.stepCount,
    runs: users.promised.size,
    virtualMs: world.clock.mono() - from,
    outcomes,
    marks: world.marks.all,
  };
}

/** G3: faults have stopped, so everything that was accepted must end. */
async function comeToRest(
  world: SimWorld,
  desk: Desk,
  setRight: () => Promise<void>,
): Promise<void> {
  const until = world.clock.mono() + world.scenario.restMsMax;
  let releases = 0;
  for (;;) {
    if (world.enough || atRest(world, desk)) return;
    await setRight();
    const stuck = [...world.rows()].filter(({ stage }) => stage === 'quarantined');
    for (const { id } of stuck) {
      releases += 1;
      await world.store.retry([{ id, newId: `release-${releases}` }]);
    }
    for (let step = 0; step < 20; step += 1) await world.step();
    if (world.clock.mono() > until || world.stepCount > stepsMax) break;
  }
  for (const { id, stage, fence, owner } of world.rows()) {
    if (stage !== 'done') {
      world.violation(`G3 run ${id} is still ${stage} (fence ${fence}, owner ${owner})`);
    }
  }
  world.violation(`G3 the world did not come to rest (${world.ledger.executing} executing)`);
}

function atRest(world: SimWorld, desk: Desk): boolean {
  if (desk.underWay > 0 || world.ledger.executing > 0) return false;
  for (const { stage, owner } of world.rows()) {
    if (stage !== 'done' || owner !== null) return false;
  }
  return world.processes.every(({ state }) => state !== 'starting' && state !== 'draining');
}

/** What must be true once nothing moves any more. */
async function judgeEnd(world: SimWorld, users: Users): Promise<void> {
  for (const id of users.promised.keys()) {
    if (world.rowOf(id) === undefined) world.violation(`G3 run ${id} was acknowledged and is lost`);
  }
  for (const row of world.rows()) {
    if (row.outcome === 'succeeded') {
      world.ledger.succeeded(row.id, row.fence);
    }
    await judgeKept(world, row);
    if (row.laneHeld || row.tenantHeld) world.violation(`S2 run ${row.id} ended and holds a place`);
    judgeBounds(world, row);
  }
  await world.signals.judgeEnd();
  await world.dead.judgeEnd();
  judgeRefusals(world);
  world.deaths.judgeFenced(world.processes);
  for (const process of world.processes) {
    const running = process.engine.node?.running ?? 0;
    if (process.state === 'up' && running > 0) {
      world.violation(`S2 ${process.name} is idle and ${running} of its slots are taken`);
    }
  }
}

/** The stored result is the one that the winning owner gave; what is kept of a run is bounded. */
async function judgeKept(
  world: SimWorld,
  { id, fn, fence, attempt, outcome }: RunRow,
): Promise<void> {
  const detail = await world.store.get(id);
  if (detail === null) {
    world.violation(`G3 run ${id} is a row that cannot be read`);
    return;
  }
  if (detail.logLines > limits.logLinesMax) {
    world.violation(`G6 run ${id} keeps ${detail.logLines} lines`);
  }
  if (detail.attempts.length > limits.attemptsKeptMax) {
    world.violation(`G6 run ${id} keeps ${detail.attempts.length} attempts`);
  }
  if (outcome !== 'succeeded') return;
  const result = JSON.parse(detail.result ?? 'null') as Result | null;
  if (fn === 'durable') judgeGiven(world, id, detail.input, result);
  if (result?.fence === fence && result.attempt === attempt) return;
  world.violation(`G2 run ${id} (fence ${fence}) has the result ${detail.result}`);
}

interface Result {
  readonly fence?: number;
  readonly attempt?: number;
  readonly given?: unknown;
}

/** A durable program gives what it would have given without any interruption. */
function judgeGiven(world: SimWorld, id: string, input: string, result: Result | null): void {
  const wanted = expected(JSON.parse(input) as SimInput);
  if (isDeepStrictEqual(result?.given, wanted)) return;
  world.violation(`K4 run ${id} gave ${JSON.stringify(result)}, not ${JSON.stringify(wanted)}`);
}

/** G6: budgets keep within what was agreed. */
function judgeBounds(world: SimWorld, { id, fn, failures, crashes }: RunRow): void {
  const policy = policies[fn];
  if (policy === undefined) return;
  if (failures > policy.retry.attemptsMax) {
    world.violation(`G6 run ${id} failed ${failures} times of ${policy.retry.attemptsMax}`);
  }
  if (crashes > policy.crashesMax) {
    world.violation(`G6 run ${id} crashed ${crashes} times of ${policy.crashesMax}`);
  }
}

/** Faults under which no owner ever loses a run, so that none may be told that it did. */
const harmless: ReadonlySet<FaultKind> = new Set(['bus', 'store-fail', 'store-lost-answer']);

/**
 * A lost answer makes the owner ask again, and the second answer must be the first. Only from an
 * owner who hears too late that a run should stop is it taken. (Over a network the run may have
 * another owner by the time of the second.)
 */
function judgeRefusals(world: SimWorld): void {
  const { scenario, processes, overdue } = world;
  if (scenario.kind !== 'host') return;
  if ([...scenario.faults].some((kind) => !harmless.has(kind))) return;
  let refused = 0;
  for (const { engine } of processes) refused += engine.counters.lateResults;
  if (refused <= overdue) return;
  world.violation(`G2 owners had ${refused} ends refused, and ${overdue} of them were overdue`);
}
