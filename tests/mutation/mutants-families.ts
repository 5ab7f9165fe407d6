/**
 * Owns the guards of families that the mutation gate takes out: those of the verbs, of the engine,
 * and of the SQL that notices the ends of runs. The rules of `mutants.ts` hold.
 */
import type { Mutant } from './mutants.ts';

const family = 'src/store/verbs/family.ts';
const closing = 'src/store/verbs/closing.ts';

const verbs: readonly Omit<Mutant, 'stage'>[] = [
  {
    name: 'families: fence of a parent',
    guards: 'G1: a stale owner starts no child',
    file: family,
    from: ' || !fenceHolds(row.fence, place.fence)',
    to: '',
  },
  {
    name: 'families: how deep runs start runs',
    guards: 'G6: a cycle of children comes to an end',
    file: family,
    from: 'if (depth <= limits.childDepthMax)',
    to: 'if (depth <= limits.childrenMax)',
  },
  {
    name: 'families: the deadline of a parent',
    guards: 'no child has more time than its parent',
    file: family,
    from: 'return own < parent ? own : parent;',
    to: 'return own;',
  },
  {
    name: 'families: children that are needed',
    guards: 'a parent finds what its children gave',
    file: family,
    from: 'return row.parentOpen || kin.closing(seq) !== undefined;',
    to: 'return kin.closing(seq) !== undefined;',
  },
  {
    name: 'families: what clean-up starts',
    guards: 'a stop ends what was accepted before it, and nothing later',
    file: family,
    from: "kin.putClosing({ seq, how: 'stop', after: 0, upto });",
    to: "kin.putClosing({ seq, how: 'stop', after: 0, upto: null });",
  },
  {
    name: 'families: the last of a group',
    guards: 'a parent goes on when all of a group have ended',
    file: closing,
    from: 'if (txn.tables.kin.anyOpen(parent, group)) return;',
    to: '',
  },
  {
    name: 'families: abandoned children',
    guards: 'an abandoned child outlives its parent',
    file: closing,
    from: "if (!child.open || child.close === 'abandon') return;",
    to: 'if (!child.open) return;',
  },
  {
    name: 'families: a wait that comes late',
    guards: 'a wait for children that are over ends',
    file: 'src/store/verbs/recording.ts',
    from: 'return txn.tables.kin.anyOpen(row.seq, groupOfWait(key)) ? null : allEnded;',
    to: 'return row.seq < 0 ? allEnded : null;',
  },
  {
    name: 'families: a fork with open children',
    guards: 'a fork waits for no child of another run',
    file: 'src/store/verbs/forking.ts',
    from: 'least(first?.ord ?? null, firstOpen(txn, row.seq))',
    to: 'first?.ord ?? null',
  },
];

const engine: readonly Omit<Mutant, 'stage'>[] = [
  {
    name: 'families: the id of a child',
    guards: 'a child is started once, wherever its parent crashes',
    file: 'src/engine/durable/child-starts.ts',
    from: 'id: childId(parent, name, index)',
    to: 'id: this.#world.random.id()',
  },
  {
    name: 'families: batches of children',
    guards: 'G6: inputs are taken as they are needed',
    file: 'src/engine/durable/child-starts.ts',
    from: 'if (batch.length < limits.childStartRowsMax) continue;',
    to: 'if (batch.length >= 0) continue;',
  },
  {
    name: 'families: while something is read',
    guards: 'code that is about to go on has not diverged',
    file: 'src/engine/durable/durable.ts',
    from: 'this.#reading || this.#aside > 0 || !this.#read',
    to: 'this.#reading || !this.#read',
  },
  {
    name: 'families: the sweep behind an end',
    guards: 'a parent goes on within milliseconds',
    file: 'src/engine/world.ts',
    from: 'if (woken.family === true) void sweepSoon(world);',
    to: '',
  },
];

const sql: readonly Omit<Mutant, 'stage'>[] = [
  {
    name: 'postgres: ends of a family',
    guards: 'whoever ends a run of a family, its family hears of it',
    file: 'src/store/postgres/schema/families.ts',
    from: 'when (old.kin is not null and old.stage <> 8) execute',
    to: 'when (old.kin is not null and old.stage < 0) execute',
  },
  {
    name: 'postgres: the last of a group',
    guards: 'nine thousand nine hundred ends of ten thousand leave nothing behind',
    file: 'src/store/postgres/schema/families.ts',
    from: 'if found then return null; end if;',
    to: '',
  },
];

/** They stand in code that every store executes. */
export const familyMutants: readonly Mutant[] = [
  ...verbs.map((one) => ({ ...one, stage: 'contract' as const })),
  ...engine.map((one) => ({ ...one, stage: 'engine' as const })),
];

/** They stand in code that only the tests on a server execute. */
export const postgresFamilyMutants: readonly Mutant[] = sql.map((one) => ({
  ...one,
  stage: 'postgres',
}));
