/**
 * Owns the kinds of worlds, and what each of them promises.
 *
 * `host`: one machine, an embedded store. Processes prove each other's death by the process table;
 * leases are judged by the monotonic clock of the machine. With durability `relaxed` a power
 * failure may lose the last commits, but then no process lives on that remembers them.
 *
 * `cluster`: several machines, a database behind a network, failovers that lose nothing. Held in
 * full, at every commit and every call of a handler:
 *
 * - G1 A (run, fence) belongs to one node for ever (R2) and is executed once (L1). No two processes
 *   execute a run at the same time, unless the first stands still, or was told to stop and ignores
 *   it (L7). What it stands on: nobody is declared dead by silence before its own trust in its
 *   lease is over (D1), whatever the database's clock does.
 * - G2 An outcome is written once; it is that of the owner whose effect the guarded resource took.
 * - G3 What was acknowledged is there and ends, once faults have stopped.
 * - G4 A lane holds at most its width, in order of acceptance.
 * - G7 Who is alive and can reach the database is never declared dead and never stops itself (D2).
 *   A dead process is taken over within 5 s by others of its machine, else within its lease and a
 *   slack (Y1).
 *
 * `lossy`: a cluster whose failovers lose what was committed in the last moments, as a replica does
 * that follows asynchronously; the processes live on and remember. A run is *touched* if its row
 * before the failover is not the row after it; an ownership is *old* if its fence was given out
 * before the failover. Held as in a cluster for every run that is not touched, and of the touched
 * ones:
 *
 * - G1 What is committed: in full. A (run, fence) belongs to one node for ever, lost ones included;
 *   whatever a lost owner sends is refused. What is executed: an old ownership may go on beside a
 *   new one, and `onCrash: 'lose'` does not hold between the two.
 * - G2 In what is left of the history, an outcome is written once, with the result of its owner. A
 *   lost one may have been told to somebody, and another one follows. If a takeover was lost, the
 *   owner before goes on and may end the run, although others have seen a greater fence.
 * - G3 A run that was accepted in the lost moments may be gone, and its id is free again. Every
 *   other run ends: perhaps anew, perhaps although somebody cancelled it.
 * - G4 Old ownerships of touched runs count in no lane.
 * - D1 holds for a node from its first renewal after the failover on, because the renewal before
 *   may be lost.
 *
 * This takes something of a store, and the simulated one has it: fences that are given out after a
 * failover are greater than any before, keys of nodes and numbers of runs are not given out again,
 * and whoever beats says what it knows of the judge's clock only to the server that told it. And of
 * an engine: an owner looks now and then for runs that are its own by the store's word only.
 */
import { seededRandom } from '../../src/testing/index.ts';

/** Every kind. */
export const worldKinds = ['host', 'cluster', 'lossy'] as const;

/** One of them. */
export type WorldKind = (typeof worldKinds)[number];

/** How many of ten seeds are of which kind: a world of machines takes longer. */
const shares: readonly WorldKind[] = [
  ...(['host', 'host', 'host', 'host', 'host', 'host'] as const),
  ...(['cluster', 'cluster', 'lossy', 'lossy'] as const),
];

/** The kind of a seed, if nobody asks for another. */
export const kindOf = (seed: number): WorldKind => seededRandom(seed + 7_000_000).pick(shares);
