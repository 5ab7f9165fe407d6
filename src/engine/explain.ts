/**
 * Owns the one sentence that says why a run is where it is. Pure: the same facts give the same
 * sentence.
 *
 * S1 It names what stands in the way and since when, not the mechanism behind it.
 * S2 A run waits for one thing at a time; what is named is the gate at which it stands.
 */
import type { WallMs } from '../core/time.ts';
import type { ExplainFacts, RunView } from '../ports/store-reads.ts';

/** The facts as somebody may know them: null, where how many stand before the run is not told. */
export type KnownFacts = Omit<ExplainFacts, 'laneAhead' | 'slotAhead'> & {
  readonly laneAhead: number | null;
  readonly slotAhead: number | null;
};

/** Why the run is where it is. */
export function explain(facts: KnownFacts): string {
  const { run } = facts;
  switch (run.status) {
    case 'done':
      return done(run);
    case 'running':
      return running(facts);
    case 'parked':
      return parked(facts);
    case 'quarantined':
      return quarantined(run);
    case 'queued':
      return run.stopReason === null ? queued(facts) : toCleanUp(run.stopReason, facts);
  }
}

function toCleanUp(reason: string, facts: KnownFacts): string {
  const version = missing(facts);
  const rest = version === null ? queued(facts) : `It waits for ${version}.`;
  const what = 'and waits for a node on which its code cleans up';
  return `It was asked to stop (${reason}) ${what}. ${rest}`;
}

function done({ outcome, attempt }: RunView): string {
  if (outcome === null) return 'It is done.';
  const tries = attempt === 1 ? 'after one attempt' : `after ${attempt} attempts`;
  const when = attempt === 0 ? 'before its first attempt' : tries;
  const what = `It ${pastWords[outcome.kind] ?? outcome.kind} ${when}`;
  return outcome.error === null ? `${what}.` : `${what}: ${outcome.error.message}`;
}

const pastWords: Readonly<Record<string, string>> = {
  cancelled: 'was cancelled',
  'timed-out': 'timed out',
  rejected: 'was rejected',
  lost: 'was lost',
};

function running({ run, now }: KnownFacts): string {
  const where = run.owner === null ? 'an unknown node' : `node '${run.owner}'`;
  const since = run.startedAt === null ? '' : ` for ${span(now, run.startedAt)}`;
  const what = `attempt ${run.attempt} has been running on ${where}${since}`;
  if (run.stopReason === null) return `It is being executed: ${what}.`;
  return `It was asked to stop (${run.stopReason}) and has not ended yet: ${what}.`;
}

/** The version that a run is pinned to, if nobody up could execute it. */
function missing({ run, hosts }: KnownFacts): string | null {
  if (run.pin === null || hosts > 0) return null;
  return `version '${run.pin}' of '${run.fn}', which no live node hosts`;
}

function parked(facts: KnownFacts): string {
  const { run, childrenOpen, now } = facts;
  if (run.owner !== null) {
    const code = `the code of its timed-out attempt ${run.attempt}`;
    return `It waits for ${code} to stop on node '${run.owner}'.`;
  }
  const version = missing(facts);
  const then = version === null ? '' : `; then it waits for ${version}`;
  const left =
    childrenOpen === 0
      ? ''
      : `; ${childrenOpen} of its children ${haveWord(childrenOpen)} not ended`;
  if (run.dueAt === null) return `It is parked until something wakes it${left}${then}.`;
  return `It is parked and wakes ${until(now, run.dueAt)}${left}${then}.`;
}

function quarantined({ crashes, quarantine }: RunView): string {
  if (quarantine?.code === 'replay.diverged') {
    return (
      `It was set aside because its code has changed: ${quarantine.message}; ` +
      'mend the code and retry it, send it on with another version, fork it, or cancel it.'
    );
  }
  if (crashes === 0 && quarantine !== null) {
    return `It was set aside: ${quarantine.message}; retry it or cancel it.`;
  }
  const times = crashes === 1 ? 'one crash of its owner' : `${crashes} crashes of its owners`;
  const why = quarantine === null ? '' : ` (last: ${quarantine.message})`;
  return `It was set aside after ${times}${why}; retry it or cancel it.`;
}

function queued(facts: KnownFacts): string {
  switch (facts.run.gate) {
    case 'time':
      return dueLater(facts);
    case 'lane':
      return inLane(facts);
    case 'tenant':
      return ofTenant(facts);
    case 'slot':
    case null:
      return forSlot(facts);
  }
}

function dueLater({ run, timed, now }: KnownFacts): string {
  const { dueAt, failures, attempt } = run;
  const when = dueAt === null || dueAt <= now ? 'now' : until(now, dueAt);
  if (failures > 0) return `Its attempt ${attempt} did not succeed; the next one is due ${when}.`;
  if (attempt === 0 && timed === 'debounce') {
    return `It is debounced: due ${when}, or later if another start comes before that.`;
  }
  if (attempt === 0 && timed === 'throttle') {
    return `Its function is throttled: others of its key go first, and it is due ${when}.`;
  }
  return `It is due ${when}.`;
}

function inLane({ run, laneHolders, laneAhead, pauses, now }: KnownFacts): string {
  const pause = pauses.find(({ kind }) => kind === 'lane');
  if (pause !== undefined) return `Its lane '${run.lane}' is paused${because(pause, now)}.`;
  const ahead =
    laneAhead === null || laneAhead === 0
      ? ''
      : `, and ${runsWord(laneAhead)} of the lane before it`;
  const [holder] = laneHolders;
  if (holder === undefined) return `It waits to enter its lane '${run.lane}'${ahead}.`;
  const full = `lane '${run.lane}' is full (${laneHolders.length} of ${run.laneWidth})`;
  const what = laneHolders.length > 1 ? `${full}, first by` : `lane '${run.lane}' is held by`;
  return `Its ${what} run '${holder.id}', ${holderState(holder, now)}${ahead}.`;
}

/** What whoever is in the way does. */
function holderState(holder: RunView, now: WallMs): string {
  if (holder.status === 'running' && holder.startedAt !== null) {
    return `which has been running for ${span(now, holder.startedAt)}`;
  }
  if (holder.status === 'done') return 'which has ended but whose code has not stopped yet';
  if (holder.gate === 'time' && holder.dueAt !== null && holder.dueAt > now) {
    return `which is tried again ${until(now, holder.dueAt)}`;
  }
  if (holder.status === 'quarantined') return 'which is quarantined';
  return `which was accepted ${span(now, holder.acceptedAt)} ago and has not ended`;
}

function ofTenant({ run, tenant }: KnownFacts): string {
  if (tenant === null || tenant.runningMax === null) {
    return `It waits for a place of its tenant '${run.tenant}'.`;
  }
  const { holding, runningMax } = tenant;
  return `Its tenant '${run.tenant}' is at its limit: ${holding} of ${runningMax} runs.`;
}

function forSlot(facts: KnownFacts): string {
  const { run, pauses, hosts, nodes, slotAhead, now } = facts;
  const pause = pauses.find(({ kind }) => kind === 'function');
  if (pause !== undefined) return `Its function '${run.fn}' is paused${because(pause, now)}.`;
  if (nodes === 0) return 'No node is up.';
  const version = missing(facts);
  if (version !== null) return `It waits for ${version}.`;
  if (hosts === 0) {
    const up = nodes === 1 ? 'the one node that is up does not' : `none of the ${nodes} nodes does`;
    return `No live node hosts its function '${run.fn}': ${up}.`;
  }
  const where = hosts === 1 ? 'the one node that hosts it' : `one of ${hosts} nodes`;
  if (slotAhead === null) return `It waits for a free slot on ${where}.`;
  if (slotAhead === 0) return `It is next for a free slot on ${where}.`;
  return `It waits for a free slot on ${where}, behind ${runsWord(slotAhead)} of its function.`;
}

const because = (pause: { readonly reason: string; readonly since: WallMs }, now: WallMs) => {
  const since = ` since ${span(now, pause.since)}`;
  return pause.reason === '' ? since : `${since} (${pause.reason})`;
};

const runsWord = (count: number): string => (count === 1 ? '1 run' : `${count} runs`);

const haveWord = (count: number): string => (count === 1 ? 'has' : 'have');

const until = (now: WallMs, at: WallMs): string => `in ${span(at, now)}`;

/** The time between two moments, in the largest unit that gives two digits or fewer. */
function span(later: WallMs, earlier: WallMs): string {
  const ms = Math.max(0, later - earlier);
  if (ms < 1_000) return `${ms} ms`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 100) return `${seconds} s`;
  const minutes = Math.round(ms / 60_000);
  if (minutes < 100) return `${minutes} min`;
  const hours = Math.round(ms / 3_600_000);
  return hours < 100 ? `${hours} h` : `${Math.round(ms / 86_400_000)} days`;
}
