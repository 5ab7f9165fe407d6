/**
 * Owns the moving of a store from a file into a database: in which order things happen, so that at
 * every moment at most one of the two places can be used.
 *
 * M1 The source comes to rest first: what dead nodes owned is taken from them as any node would, so
 *    that no run is executing and none is lost. A node that lives is a refusal.
 * M2 Then the source is closed, the rows are copied in the order of acceptance, both sides are
 *    compared, the source is left for good, and the target is opened. Whoever is killed in between
 *    goes on by doing the same again.
 * M3 Nothing is believed: counts by stage and outcome are compared, and for each run its id,
 *    function, stage, outcome, attempt, fence, and digests of input and result; so are steps and
 *    events.
 */
import { HoldfastError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import { deathOf } from '../engine/death.ts';
import type { Clock } from '../ports/clock.ts';
import type { ProcessTable } from '../ports/process-table.ts';
import type { Random } from '../ports/random.ts';
import type { Store } from '../ports/store.ts';
import type { NodeRow } from '../ports/store-nodes.ts';
import type { FlowCursor } from '../store/moving.ts';
import type { Arrival } from '../store/postgres/arriving.ts';
import { closeForMove, type Leaving, moveUnderWay, openLeaving } from '../store/sqlite/leaving.ts';
import type { Move } from '../store/sqlite/migrations.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';
import { compare } from './move-compare.ts';
import type { PostgresPlace } from './store-place.ts';

/** What a move needs of its surroundings. */
export interface MoveWorld {
  readonly clock: Clock;
  readonly random: Random;
  readonly processes: ProcessTable;
  /** Hears how far it is. */
  readonly progress: (text: string) => void;
}

/** What was moved. */
export interface Moved {
  readonly to: string;
  readonly runs: number;
  /** SHA-256 over the lines of all runs, steps and events, the same on both sides. */
  readonly digest: string;
  readonly counts: Readonly<Record<string, number>>;
}

const batchRunsMax = 1_000;
const batchRowsMax = 5_000;
const batchCharsMax = 8 * limits.inputBytesMax;

/** Moves the store in a file into an empty schema of a database. */
export async function moveStore(
  path: string,
  place: PostgresPlace,
  world: MoveWorld,
): Promise<Moved> {
  const to = shownOf(place);
  const key = `${place.address.key} ${place.schema}`;
  const begun = moveUnderWay(path);
  if (begun !== null && begun.key !== key) throw elsewhere(path, begun);
  if (begun === null) {
    await settle(path, world);
    closeForMove(path, { id: world.random.id(), to, key });
  }
  const leaving = openLeaving(path);
  try {
    const arrival = await openArrivalOf(leaving, place, begun === null);
    try {
      return await carry(leaving, arrival, to, world);
    } finally {
      await arrival.close();
    }
  } finally {
    leaving.close();
  }
}

function elsewhere(path: string, { to, leftAt }: Move): HoldfastError {
  const how = leftAt === null ? 'is being moved' : 'was moved';
  return new HoldfastError('store.moved', `store ${path}: it ${how} to ${to}`, {
    details: { path, to, todo: leftAt === null ? 'finish that, or: --take-back' : `open ${to}` },
  });
}

/** Where there is no way in, a source that was closed just now is opened again. */
async function openArrivalOf(
  leaving: Leaving,
  place: PostgresPlace,
  fresh: boolean,
): Promise<Arrival> {
  const { openArrival } = await import('../store/postgres/arriving.ts');
  try {
    return await openArrival({ ...place, id: leaving.move.id, from: leaving.path });
  } catch (error) {
    if (fresh) leaving.takeBack();
    throw error;
  }
}

/** Opens a file again whose move was begun and not finished. */
export function takeBack(path: string): void {
  const move = moveUnderWay(path);
  if (move === null) {
    throw new HoldfastError('request.invalid', `store ${path}: it is not being moved`, {
      details: { path, todo: 'nothing is to be taken back' },
    });
  }
  if (move.leftAt !== null) {
    const message = `store ${path}: its move to ${move.to} is complete; runs go on there`;
    throw new HoldfastError('store.moved', message, { details: { path, to: move.to } });
  }
  const leaving = openLeaving(path);
  leaving.takeBack();
  leaving.close();
}

/** The new place, as it may be shown. */
const shownOf = ({ address, schema }: PostgresPlace): string =>
  schema === 'holdfast' ? address.shown : `${address.shown}?schema=${schema}`;

/** M1 */
async function settle(path: string, world: MoveWorld): Promise<void> {
  world.progress('taking over from dead nodes');
  const store = await openSqliteStore({ path });
  try {
    for (const row of await store.nodes()) await settleNode(store, row, path, world);
  } finally {
    await store.close();
  }
}

async function settleNode(
  store: Store,
  row: NodeRow,
  path: string,
  { processes }: MoveWorld,
): Promise<void> {
  const here = row.process.hostId === processes.self().hostId;
  const process = here ? processes.look(row.process) : 'unknown';
  const evidence = deathOf({ row, process, silentMs: row.renewedAgoMs, stoppedHere: false });
  if (evidence === null) {
    if (row.state === 'left' || row.state === 'dead') return;
    const { pid, hostName } = row.process;
    const who = `node '${row.name}' (pid ${pid} on ${hostName})`;
    const message = `store ${path}: ${who} is at work in it`;
    throw new HoldfastError('store.busy', message, {
      details: { path, pid, todo: 'stop it (SIGTERM lets it finish), then move the store' },
    });
  }
  for (;;) {
    const { reply } = await store.recover(row.node, evidence, limits.sweepRowsMax);
    if (!reply.ok || !reply.more) return;
  }
}

/** M2 */
async function carry(
  leaving: Leaving,
  arrival: Arrival,
  to: string,
  world: MoveWorld,
): Promise<Moved> {
  const settings = leaving.settings();
  if (!arrival.complete) {
    await arrival.settle(settings);
    for (;;) {
      const batch = leaving.page(arrival.cursor, batchRunsMax, batchCharsMax);
      if (batch.length === 0) break;
      await arrival.keep(batch);
      world.progress(`copied up to run ${arrival.cursor} of ${settings.nextSeq - 1}`);
    }
    await carrySteps(leaving, arrival, world);
    await carryFlows(leaving, arrival);
  }
  const compared = await compare(leaving, arrival.complete ? null : arrival, world.progress);
  const counts = leaving.counts();
  if (!arrival.complete) {
    refuseDifferent(counts, await arrival.counts());
    leaving.left(world.clock.wall());
    await arrival.open(settings.nextSeq, settings.events);
  }
  return { to, ...compared, counts };
}

/** M2: what stands beside the runs. */
async function carrySteps(
  leaving: Leaving,
  arrival: Arrival,
  { progress }: MoveWorld,
): Promise<void> {
  for (;;) {
    const steps = leaving.steps(arrival.stepCursor, batchRowsMax, batchCharsMax);
    if (steps.length === 0) break;
    await arrival.keepSteps(steps);
    progress(`copied steps up to run ${arrival.stepCursor[0]}`);
  }
  for (;;) {
    const events = leaving.events(arrival.eventCursor, batchRowsMax, batchCharsMax);
    if (events.length === 0) break;
    await arrival.keepEvents(events);
    progress(`copied events up to ${arrival.eventCursor}`);
  }
  for (;;) {
    const blocks = leaving.parts(arrival.partCursor, batchRowsMax, batchCharsMax);
    if (blocks.length === 0) break;
    await arrival.keepParts(blocks);
    progress(`copied parts up to run ${arrival.partCursor[0]}`);
  }
}

/** What flow control keeps: from the beginning each time, since the keys may come again. */
async function carryFlows(leaving: Leaving, arrival: Arrival): Promise<void> {
  let after: FlowCursor = ['', '', '', ''];
  for (;;) {
    const flows = leaving.flows(after, batchRowsMax);
    const last = flows.at(-1);
    if (last === undefined) return;
    await arrival.keepFlows(flows);
    const [fn, tenant, key, term] = last;
    after = [fn, tenant, key, term];
  }
}

function refuseDifferent(
  own: Readonly<Record<string, number>>,
  kept: Readonly<Record<string, number>>,
): void {
  for (const name of new Set([...Object.keys(own), ...Object.keys(kept)])) {
    const [here = 0, there = 0] = [own[name], kept[name]];
    if (here === there) continue;
    const message = `${name}: ${here} here and ${there} at the new place; nothing was opened`;
    throw new HoldfastError('internal.defect', message, { details: { own, kept } });
  }
}
