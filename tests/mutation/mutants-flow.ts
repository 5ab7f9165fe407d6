/**
 * Owns the guards of flow control, dead letters and batches that the mutation gate takes out. The
 * rules of `mutants.ts` hold.
 */
import type { Mutant } from './mutants.ts';

const arithmetic = 'src/core/flow.ts';
const verbs = 'src/store/verbs/flow.ts';
const dead = 'src/store/verbs/dead.ts';
const schema = 'src/store/postgres/schema/migration-flow.ts';

export const flowMutants: readonly Mutant[] = [
  {
    name: 'flow: the edge of a window',
    guards: 'a start that is a period old counts no more, and a younger one does',
    stage: 'core',
    file: arithmetic,
    from: 'filter((one) => one > now - pace.perMs)',
    to: 'filter((one) => one >= now - pace.perMs)',
  },
  {
    name: 'flow: the order of a throttle',
    guards: 'no run is due before the one that came before it',
    stage: 'core',
    file: arithmetic,
    from: 'Math.max(now, times.at(-1) ?? now, earliest)',
    to: 'Math.max(now, earliest)',
  },
  {
    name: 'flow: the deadline of a debounce',
    guards: 'a debounced run begins in the end',
    stage: 'core',
    file: arithmetic,
    from: 'Math.min(now + quietMs, acceptedAt + maxMs)',
    to: 'now + quietMs + 0 * (acceptedAt + maxMs)',
  },
  {
    name: 'flow: no merging into a run that is due',
    guards: 'no input is lost to a run that may have begun',
    stage: 'contract',
    file: verbs,
    from: '(row.dueAt ?? wall) > wall;',
    to: '(row.dueAt ?? wall) > 0;',
  },
  {
    name: 'flow: lanes of merged starts',
    guards: 'G4: no start passes beside its lane',
    stage: 'contract',
    file: verbs,
    from: 'if (!waits || row.lane !== item.lane) return null;',
    to: 'if (!waits) return null;',
  },
  {
    name: 'flow: a refusal behind a step of the clock',
    guards: 'nobody waits for a clock that stepped back',
    stage: 'core',
    file: verbs,
    from: 'if (taken.moved !== null) txn',
    to: 'if (place.fn === null) txn',
  },
  {
    name: 'flow: who was merged into an earlier run',
    guards: 'a start that is sent again is executed once',
    stage: 'contract',
    file: verbs,
    from: "typeof one === 'string' ? [one, run.id] : one",
    to: "typeof one === 'string' && run.seq < 0 ? [one, run.id] : one",
  },
  {
    name: 'flow: who gives way',
    guards: "nobody's run gives way to one of another tenant",
    stage: 'contract',
    file: verbs,
    from: 'row.tenant === tenant;',
    to: 'row.tenant.length + tenant.length > 0;',
  },
  {
    name: 'dead letters: once',
    guards: 'no dead letter is redriven twice',
    stage: 'contract',
    file: dead,
    from: 'txn.tables.dead.remove(row.seq);\n    return { ok: true, id: newId, created: true };',
    to: 'return { ok: true, id: newId, created: true };',
  },
  {
    name: 'batches: the first verdict',
    guards: 'G2: an item has one end',
    stage: 'engine',
    file: 'src/engine/batches.ts',
    from: 'for (const { item } of entries) item.fail(rest);',
    to: 'if (rest === null) for (const { item } of entries) item.fail(rest);',
  },
  {
    name: 'postgres: a key is written behind what was read',
    guards: 'rates are exact over all nodes',
    stage: 'postgres',
    file: schema,
    from: `update \${s}.flows f set n = f.n + 1, state = x.state,`,
    to: `update \${s}.flows f set n = f.n + 1, state = f.state,`,
  },
  {
    name: 'postgres: dead letters are noted',
    guards: 'whatever ended badly is on the list',
    stage: 'postgres',
    file: schema,
    from: "const badly = 'outcome in (2, 4, 6)';",
    to: "const badly = 'outcome in (2, 6)';",
  },
];
