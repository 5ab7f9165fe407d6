/**
 * Owns the list of guards that the mutation gate takes out, each as an exact replacement in one
 * file.
 *
 * M1 A mutant is the smallest change that removes one guard; everything else stays as it is.
 * M2 Its text must stand in the file exactly once: when the code changes, the list has to follow.
 */

import type { StageName } from './stages.ts';

/** One guard taken out. */
export interface Mutant {
  /** What is taken out, in a few words. */
  readonly name: string;
  /** What the guard is for. */
  readonly guards: string;
  /** The stage that is likely to notice, tried first; the others follow. Default: the first. */
  readonly stage?: StageName;
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export const mutants: readonly Mutant[] = [
  {
    name: 'fence predicate',
    guards: 'G1: a stale owner changes nothing',
    file: 'src/core/fence.ts',
    from: '(current: Fence, given: Fence): boolean => current === given;',
    to: '(_current: Fence, _given: Fence): boolean => true;',
  },
  {
    name: 'new fence at recovery',
    guards: 'G1: whoever was declared dead is refused',
    file: 'src/core/execution/running.ts',
    from: 'crashes: run.crashes + 1, fence: fenceNext(run.fence) };',
    to: 'crashes: run.crashes + 1 };',
  },
  {
    name: 'new fence for the overdue',
    guards: 'G1: an owner whose run others ended is refused',
    file: 'src/core/execution/running.ts',
    from: 'const taken = { ...run, fence: fenceNext(run.fence) };',
    to: 'const taken = { ...run };',
  },
  {
    name: 'only live nodes claim',
    guards: 'G1: a node that was declared dead gets nothing',
    file: 'src/store/verbs/claim.ts',
    from: "if (node?.state !== 'live') {",
    to: 'if (node === undefined) {',
  },
  {
    name: 'lease self-fence',
    guards: 'G7: a node that cannot renew stops its work before others take it',
    stage: 'engine',
    file: 'src/engine/membership.ts',
    from: 'return monoPlus(renewed, this.#settings.ttlMs - trustMarginMs(this.#settings.ttlMs));',
    to: 'return monoPlus(renewed, Number.MAX_SAFE_INTEGER);',
  },
  {
    name: 'proof that a lease is over',
    guards: 'G7: no live owner is taken for dead',
    file: 'src/store/verbs/nodes.ts',
    from: "evidence.kind === 'lease-over' && !leaseOver(txn, record)",
    to: "evidence.kind === 'lease-over' && txn === undefined",
  },
  {
    name: 'proof of death by the process table',
    guards: 'G7: takeover within 5 s',
    stage: 'engine',
    file: 'src/engine/death.ts',
    from: "  if (process === 'gone') return evidence('process-gone', sight, 'is gone');\n",
    to: '',
  },
  {
    name: 'first outcome wins',
    guards: 'G2: the outcome never changes',
    file: 'src/core/execution/transition.ts',
    from: "    case 'done':\n      return onDone(run, event);",
    to:
      "    case 'done':\n" +
      "      if (event.type !== 'cancel') return onDone(run, event);\n" +
      '      return abandon(run as never, event, now);',
  },
  {
    name: 'an end sent twice is one end',
    guards: 'G2: a lost answer makes no second result',
    file: 'src/store/verbs/end.ts',
    from:
      "if (row.stage !== 'running') return " +
      '{ ok: true, outcome: outcomeOf(row), repeated: true };',
    to: '',
  },
  {
    name: 'idempotency id',
    guards: 'G3: the same id means the same run',
    file: 'src/store/verbs/start.ts',
    from: 'item.idempotent ? txn.tables.runs.byId(item.id) : undefined',
    to: 'undefined as RunRow | undefined',
  },
  {
    name: 'attempt whose code has stopped',
    guards: 'G4: word of an earlier attempt that comes late frees nothing',
    file: 'src/core/execution/transition.ts',
    from: 'lingering === settled.owner && attempt === settled.attempt;',
    to: 'lingering === settled.owner && attempt >= settled.attempt;',
  },
  {
    name: 'time that a claim took',
    guards: 'G1: an attempt is told to stop before others give it up',
    stage: 'engine',
    file: 'src/engine/dispatcher.ts',
    from: 'attemptMsLeft(run.policy, now - askedAt);',
    to: 'attemptMsLeft(run.policy, askedAt - askedAt);',
  },
  {
    name: 'looking for what a lost answer claimed',
    guards: 'G3: a run that was claimed and never handed out is not forgotten',
    stage: 'engine',
    file: 'src/engine/node.ts',
    from: 'const owned = await this.#world.store.owned(tenure.node, limits.batchItemsMax);',
    to: 'const owned = (await this.#world.store.owned(tenure.node, 0)).slice(0, 0);',
  },
  {
    name: 'fsync',
    guards: 'G3: acknowledged runs survive a power cut',
    stage: 'sync',
    file: 'src/store/sqlite/connection.ts',
    from: "durability === 'full' ? 'FULL' : 'NORMAL'",
    to: "durability === 'full' ? 'NORMAL' : 'NORMAL'",
  },
  {
    name: 'fsync after heartbeats',
    guards: 'G3: a heartbeat that needs no sync takes it from nobody else',
    stage: 'sync',
    file: 'src/store/sqlite/group.ts',
    from: '      } finally {\n        if (beatsOnly)',
    to: "      } finally {\n        if (beatsOnly && ask.path === '')",
  },
  {
    name: 'lane width at acceptance',
    guards: 'G4: at most `width` execute',
    file: 'src/store/verbs/gates.ts',
    from: 'return txn.tables.runs.countLaneHolders(lane, laneWidth) < laneWidth;',
    to: 'return true;',
  },
  {
    name: 'lane width when a place is freed',
    guards: 'G4: at most `width` execute',
    file: 'src/store/verbs/apply.ts',
    from: '    if (held >= first.laneWidth) return;\n',
    to: '    void held;\n',
  },
  {
    name: 'lane order',
    guards: 'G4: in the order of acceptance',
    file: 'src/store/verbs/gates.ts',
    from: '  if (first !== undefined && first.seq < seq) return false;\n',
    to: '  void first;\n',
  },
  {
    name: 'the lane of code that goes on',
    guards: 'G4: an ended run keeps its lane until its code has stopped',
    file: 'src/core/execution/steps.ts',
    from: 'const stays = lingering !== null && holds;',
    to: 'const stays = lingering !== null && holds && false;',
  },
  {
    name: 'stop order',
    guards: 'G5: a cancel reaches the code that runs',
    stage: 'engine',
    file: 'src/engine/dispatcher.ts',
    from: '        attempt.stop(order.cause, order.reason);\n',
    to: '',
  },
  {
    name: 'tenant limit',
    guards: 'G6: a tenant runs no more than its limit',
    file: 'src/store/verbs/gates.ts',
    from: 'countTenantHolders(tenant, runningMax) < runningMax ? true : null',
    to: 'countTenantHolders(tenant, runningMax) < Number.POSITIVE_INFINITY ? true : null',
  },
  {
    name: 'tenant limit when a place is freed',
    guards: 'G6: a tenant runs no more than its limit',
    file: 'src/store/verbs/apply.ts',
    from: 'if (first === undefined || held + granted >= runningMax) return true;',
    to: 'if (first === undefined) return true;',
  },
  {
    name: 'retry budget',
    guards: 'G6: retries are bounded',
    file: 'src/core/retry.ts',
    from: "advice?.kind === 'never' || failures >= policy.attemptsMax",
    to: "advice?.kind === 'never'",
  },
  {
    name: 'crash budget',
    guards: 'G6: a run that kills its owners is set aside',
    file: 'src/core/execution/running.ts',
    from: 'if (crashed.crashes < terms.crashesMax) return requeue(crashed, now, before);',
    to: 'if (crashed.crashes >= 0) return requeue(crashed, now, before);',
  },
  {
    name: 'bound of the log',
    guards: 'G6: a run keeps so many lines and no more',
    file: 'src/store/verbs/end.ts',
    from: 'Math.max(0, limits.logLinesMax - notes.logSize(seq).kept)',
    to: 'Number.MAX_SAFE_INTEGER',
  },
  {
    name: 'due time',
    guards: 'a run does not begin before it is due',
    file: 'src/store/verbs/gates.ts',
    from: '      if (run.dueAt > txn.moment.wall) return { run, placing: placedNowhere };\n',
    to: '',
  },
  {
    name: 'head start in the rank',
    guards: 'the order of hand-out',
    file: 'src/core/rank.ts',
    from: 'rank: tag - headStart,',
    to: 'rank: tag + headStart,',
  },
];
