/**
 * Owns the guards of versions that the mutation gate takes out: who is pinned to what, and who is
 * handed what. The rules of `mutants.ts` hold.
 */
import type { Mutant } from './mutants.ts';

/** They stand in code that every store executes. */
export const pinMutants: readonly Mutant[] = [
  {
    name: 'versions: the first pin stands',
    guards: 'a run is gone on with by the version that kept its first step',
    stage: 'contract',
    file: 'src/store/verbs/recording.ts',
    from: 'if (pin === undefined || row.pin !== null) return row;',
    to: 'if (pin === undefined) return row;',
  },
  {
    name: 'versions: a beginning pins nothing',
    guards: 'a retry of what has kept nothing executes mended code',
    stage: 'contract',
    file: 'src/store/verbs/recording.ts',
    from: "if (writes.every(({ does }) => does === 'begin')) return row;",
    to: 'if (writes.length === 0) return row;',
  },
  {
    name: 'versions: the room of a function',
    guards: 'G6: all versions of a function share its bound',
    stage: 'contract',
    file: 'src/store/verbs/claim.ts',
    from: 'return room > 0;',
    to: 'return room > -1_000;',
  },
  {
    name: 'versions: a run that is executed keeps its code',
    guards: 'a run is gone on with by the version that kept its first step',
    stage: 'contract',
    file: 'src/store/verbs/repin.ts',
    from: "if (stage === 'running') {",
    to: "if (stage === 'running' && id === '') {",
  },
  {
    name: 'versions: the code of a pinned run',
    guards: 'a run is gone on with by the version that kept its first step',
    stage: 'engine',
    file: 'src/engine/lots.ts',
    from: 'pin === null ? lot.current : lot.versions.get(pin);',
    to: 'pin === null ? lot.current : lot.current;',
  },
  {
    name: 'versions: what a node asks for',
    guards: 'a node claims only what it can execute',
    stage: 'engine',
    file: 'src/engine/lots.ts',
    from: 'versions: [...versions.keys()] };',
    to: 'versions: [] };',
  },
];

const schema = 'src/store/postgres/schema';

/** They stand in code that only the tests on a server execute. */
export const postgresPinMutants: readonly Mutant[] = [
  {
    name: 'postgres: the first pin stands',
    guards: 'a run is gone on with by the version that kept its first step',
    file: `${schema}/migration-pins.ts`,
    from: '    and strpos(l.fn, chr(31)) = 0\n',
    to: '',
  },
  {
    name: 'postgres: a beginning pins nothing',
    guards: 'a retry of what has kept nothing executes mended code',
    file: `${schema}/migration-pins.ts`,
    from: 'and (k.nth is not null or k.waits = 1)',
    to: 'and k.ord > 0',
  },
  {
    name: 'postgres: fence of a pin',
    guards: 'G1: a stale owner changes nothing',
    file: `${schema}/migration-pins.ts`,
    from: 'and l.seq = x.seq and l.fence = x.fence and l.stage = p_stage',
    to: 'and l.seq = x.seq and l.stage = p_stage',
  },
  {
    name: 'postgres: the room of a function',
    guards: 'G6: all versions of a function share its bound',
    file: `${schema}/claim.ts`,
    from: 'where q.among <= q.room order',
    to: 'where q.among <= 1000 order',
  },
  {
    name: 'postgres: a pause of all versions',
    guards: 'a paused function begins nothing',
    file: `${schema}/claim.ts`,
    from: "functionOf('q.fn')",
    to: "'q.fn'",
  },
  {
    name: 'postgres: pins beside a program without them',
    guards: 'nodes of the version before may go on working',
    file: `${schema}/apply.ts`,
    from: 'fn = case when strpos(r.fn, chr(31)) > 0 then r.fn else l.fn end,',
    to: 'fn = r.fn,',
  },
  {
    name: 'postgres: floors of pinned runs',
    guards: 'G3: whatever becomes eligible is found',
    file: `${schema}/apply.ts`,
    from: 'select l.fn, l.rank from json_populate_recordset',
    to: 'select r.fn, r.rank from json_populate_recordset',
  },
].map((one): Mutant => ({ ...one, stage: 'postgres' }));
