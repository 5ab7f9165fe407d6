/**
 * Owns the guards of steps, waits and events that the mutation gate takes out: those of the verbs,
 * of the SQL that does the same, and of the engine. The rules of `mutants.ts` hold.
 */
import type { Mutant } from './mutants.ts';

const recording = 'src/store/verbs/recording.ts';
const events = 'src/store/verbs/events.ts';
const signals = 'src/store/verbs/signals.ts';

const verbs: readonly Omit<Mutant, 'stage'>[] = [
  {
    name: 'steps: fence of a step',
    guards: 'G1: a stale owner keeps no step',
    file: recording,
    from: "if (!fenceHolds(row.fence, item.fence) || row.stage !== 'running') {",
    to: "if (row.stage !== 'running') {",
  },
  {
    name: 'steps: the first end stands',
    guards: 'G2: a step ends once',
    file: recording,
    from: 'if (known !== undefined && known.end !== null) return',
    to: 'if (known === undefined && write.key === null) return',
  },
  {
    name: 'steps: all of an item or none',
    guards: 'G6: a run has no more steps than its limit',
    file: recording,
    from: 'if (count + fresh.size <= limits.stepsMax) return null;',
    to: 'if (count <= limits.stepsMax) return null;',
  },
  {
    name: 'steps: looking back',
    guards: 'an event that came before the wait is not lost',
    file: recording,
    from: 'const found = cameBefore(txn, row, event);',
    to: 'const found = row.seq > 0 ? undefined : cameBefore(txn, row, event);',
  },
  {
    name: 'signals: only to runs that go on',
    guards: 'no signal is taken that nobody can be given',
    file: signals,
    from: "if (row.stage === 'done') {",
    to: "if (row.stage === 'done' && row.seq < 0) {",
  },
  {
    name: 'signals: the bound of an inbox',
    guards: 'G6: an inbox has no more signals than its limit',
    file: signals,
    from: 'if (unread >= limits.signalsMax) {',
    to: 'if (unread > limits.signalsMax) {',
  },
  {
    name: 'signals: sent twice',
    guards: 'a signal under one id is one signal',
    file: signals,
    from: 'if (known !== undefined) {',
    to: 'if (known?.name === null) {',
  },
  {
    name: 'signals: given once',
    guards: 'no two waits are given one signal',
    file: 'src/store/verbs/inbox.ts',
    from: 'signals.take(seq, found.n);',
    to: 'if (seq < 0) signals.take(seq, found.n);',
  },
  {
    name: 'signals: the wait that is open',
    guards: 'a signal that came while a run waits for it reaches it',
    file: signals,
    from: 'if (wait !== null) endWait(',
    to: 'if (wait !== null && row.seq < 0) endWait(',
  },
  {
    name: 'steps: parking with an unseen end',
    guards: 'no run sleeps through an end',
    file: recording,
    from: 'const missed = steps.size(row.seq).nth !== end.seen;',
    to: 'const missed = end.seen < 0;',
  },
  {
    name: 'steps: waking by an end',
    guards: 'a parked run goes on when its wait has ended',
    file: recording,
    from: "if (row.stage === 'parked') applyEvent(txn, row, { type: 'wake' });",
    to: "if (row.stage === 'lane') applyEvent(txn, row, { type: 'wake' });",
  },
  {
    name: 'steps: tokens of other tenants',
    guards: 'a tenant sees nothing of another',
    file: recording,
    from: '(tenant ?? row.tenant) !== row.tenant',
    to: 'row.tenant === null',
  },
  {
    name: 'events: told twice',
    guards: 'an event under one id is one event',
    file: events,
    from: 'if (known !== undefined) return again(known, item);',
    to: 'if (known?.name === null) return again(known, item);',
  },
  {
    name: 'events: more waits than one transaction ends',
    guards: 'nobody who waits is forgotten',
    file: events,
    from: 'if (places.length > room) return { looked, woke, more: true };',
    to: '',
  },
  {
    name: 'events: sweeps go on with open ones',
    guards: 'nobody who waits is forgotten',
    file: 'src/store/verbs/cancel.ts',
    from: 'const goesOn = spreadOpen(txn, bound);',
    to: 'const goesOn = bound < 0 && spreadOpen(txn, bound);',
  },
];

const durable = 'src/engine/durable/durable.ts';

const replay: readonly Mutant[] = [
  {
    name: 'durable: nothing new while something recorded was not asked for',
    guards: 'changed code does nothing before it is found out',
    stage: 'core',
    file: 'src/core/durable/move.ts',
    from: "if (next === 'unasked' || unasked > 0) {",
    to: "if (held === 0 && (next === 'unasked' || unasked > 0)) {",
  },
  {
    name: 'durable: the turn of the code',
    guards: 'parallel branches and races come out as before',
    stage: 'engine',
    file: durable,
    from: 'turned: this.#turn === null,',
    to: 'turned: true,',
  },
  {
    name: 'durable: ends by others are heard of',
    guards: 'a run with a step under way goes on when its wait has ended',
    stage: 'engine',
    file: 'src/engine/node.ts',
    from: '    this.#dispatcher.heard();\n    void this.#readStops();',
    to: '    void this.#readStops();',
  },
  {
    name: 'durable: code of an attempt that is over',
    guards: 'forgotten code does nothing',
    stage: 'engine',
    file: 'src/engine/attempt.ts',
    from:
      'if (this.#settled) asking.durable.close(null);\n' +
      '    else if (this.#ended) asking.durable.cutOff(this.#reason);\n    else if',
    to: 'if',
  },
  {
    name: 'signals: state before the step behind it',
    guards: 'whoever sees a step sees what was declared before it',
    stage: 'engine',
    file: 'src/engine/durable/recorder.ts',
    from: 'if (this.#host.stateKept() === null) void',
    to: 'if (this.#open) void',
  },
  {
    name: 'signals: what does not fit is refused for the code',
    guards: 'no sender brings a run down',
    stage: 'engine',
    file: 'src/engine/durable/asking.ts',
    from: 'if (checked === null || checked.ok) {',
    to: 'if (checked === null || checked.ok || kept.n > 0) {',
  },
  {
    name: 'signals: secrets of fields',
    guards: 'no secret gets into a log',
    stage: 'core',
    file: 'src/core/redact.ts',
    from: 'hides(key, path)) return redactedWord;',
    to: 'hides(key, path) && path === key) return redactedWord;',
  },
  {
    name: 'durable: what an owner knows and the store lost',
    guards: 'no run hangs after a failover',
    stage: 'simulation',
    file: 'src/store/verbs/recording.ts',
    from: 'if (txn.tables.steps.size(row.seq).nth < item.knows) {',
    to: 'if (item.knows < 0) {',
  },
];

/** They stand in code that every store executes. */
export const stepMutants: readonly Mutant[] = [
  ...verbs.map((one): Mutant => ({ ...one, stage: 'contract' })),
  ...replay,
];

const schema = 'src/store/postgres/schema';

const guards: readonly Omit<Mutant, 'stage'>[] = [
  {
    name: 'postgres: fence of a step',
    guards: 'G1: a stale owner keeps no step',
    file: `${schema}/recording.ts`,
    from: 'on l.seq = one.seq and l.fence = one.fence and l.stage = 5',
    to: 'on l.seq = one.seq',
  },
  {
    name: 'postgres: the row of a run whose steps are written',
    guards: 'numbers of steps and ends are given once',
    file: `${schema}/recording.ts`,
    from: `  \${lockRows(s)}\n  w := \${s}.wall();\n  -- Most`,
    to: `  w := \${s}.wall();\n  -- Most`,
  },
  {
    name: 'postgres: the row of a run whose steps are read',
    guards: 'numbers of steps and ends are given once',
    file: `${schema}/deciding-steps.ts`,
    from: 'where l.seq = any (v_seqs) order by l.seq for no key update;',
    to: 'where l.seq = any (v_seqs);',
  },
  {
    name: 'postgres: the gate of an event',
    guards: 'an event and the wait for it find each other',
    file: `${schema}/eventing.ts`,
    from: `  perform \${s}.gate();\n  if exists (\n    select 1 from json_to_recordset(p) as x`,
    to: '  if exists (\n    select 1 from json_to_recordset(p) as x',
  },
  {
    name: 'postgres: the gate of a parking',
    guards: 'an event and the wait for it find each other',
    file: `${schema}/recording.ts`,
    from: `  perform \${s}.gate();\n  \${lockRows(s)}`,
    to: `  \${lockRows(s)}`,
  },
  {
    name: 'postgres: waits that look back do not park plainly',
    guards: 'an event that came before the wait is not lost',
    file: `${schema}/recording.ts`,
    from: 'or (q.event is not null and exists (',
    to: 'or (q.event is null and exists (',
  },
  {
    name: 'postgres: parking with an unseen end',
    guards: 'no run sleeps through an end',
    file: `${schema}/recording.ts`,
    from: 'where x.seen = coalesce((',
    to: 'where x.seen >= 0 * coalesce((',
  },
  {
    name: 'postgres: parking after a stop was asked for',
    guards: 'G5: a run that was asked to stop does not sleep',
    file: `${schema}/recording.ts`,
    from: 'and l.stop_cause is null and not l.tenant_held',
    to: 'and not l.tenant_held',
  },
  {
    name: 'postgres: places of plain wakings',
    guards: 'G6: a tenant runs no more than its limit',
    file: `${schema}/waking.ts`,
    from: '(t.running_max is not null or t.waiting_max is not null))\n  ), t as',
    to: 't.running_max < 0)\n  ), t as',
  },
  {
    name: 'postgres: fence before the code of a transaction',
    guards: 'G1: a stale owner begins no step in a transaction',
    file: `${schema}/migration-results.ts`,
    from: ") then return json_build_object('stale', true); end if;",
    to: ') then null; end if;',
  },
  {
    name: 'postgres: fence before the commit of a transaction',
    guards: 'G1: a stale owner commits no step in a transaction',
    file: `${schema}/migration-results.ts`,
    from: ') then return false; end if;',
    to: ') then null; end if;',
  },
  {
    name: 'postgres: commit by the code of a transaction',
    guards: 'a step in a transaction is committed with its value or not at all',
    file: `${schema}/migration-results.ts`,
    from: "is distinct from new.seq || ' ' || new.key then",
    to: 'is distinct from null and new.seq < 0 then',
  },
  {
    name: 'postgres: unknown commit of a transaction',
    guards: 'a step in a transaction is done once',
    file: 'src/store/postgres/step-transactions.ts',
    from: "if (!refused) return { how: 'unknown' };",
    to: "if (!refused) return { how: 'failed', error, again: false };",
  },
];

/** They stand in code that only the tests on a server execute. */
export const postgresStepMutants: readonly Mutant[] = guards.map((one) => ({
  ...one,
  stage: 'postgres',
}));
