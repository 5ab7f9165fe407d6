/**
 * Owns the guards of the Postgres store that the mutation gate takes out: those of its SQL, and of
 * the code around it. The rules of `mutants.ts` hold.
 */
import type { Mutant } from './mutants.ts';

const schema = 'src/store/postgres/schema';

const guards: readonly Omit<Mutant, 'stage'>[] = [
  {
    name: 'postgres: fence of a plain end',
    guards: 'G1: a stale owner changes nothing',
    file: `${schema}/hot.ts`,
    from: 'where l.seq = x.seq and l.fence = x.fence and l.stage = 5',
    to: 'where l.seq = x.seq and l.stage = 5',
  },
  {
    name: 'postgres: places of a plain end',
    guards: 'G4: whoever leaves a lane or a tenant lets the next one in',
    file: `${schema}/hot.ts`,
    from: '      and not l.lane_held and not l.tenant_held\n',
    to: '',
  },
  {
    name: 'postgres: plain ends of running runs only',
    guards: 'G2: an outcome is written once',
    file: `${schema}/hot.ts`,
    from: 'l.fence = x.fence and l.stage = 5',
    to: 'l.fence = x.fence',
  },
  {
    name: 'postgres: limits at a plain start',
    guards: 'limits of tenants are exact',
    file: `${schema}/hot.ts`,
    from: 'where t.tenant = any (p_tenants) and',
    to: 'where false and',
  },
  {
    name: 'postgres: known ids at a plain start',
    guards: 'an id means one run',
    file: `${schema}/hot.ts`,
    from: 'q where q.id = any (p_ids)',
    to: 'q where false',
  },
  {
    name: 'postgres: live nodes claim',
    guards: 'G1: a node that was declared dead gets nothing',
    file: `${schema}/claim.ts`,
    from: "if v_state is distinct from 'live' then",
    to: 'if v_state is null then',
  },
  {
    name: 'postgres: new fence at the claim',
    guards: 'G1: each owner has a fence of its own',
    file: `${schema}/claim.ts`,
    from: 'fence = l.fence + 1',
    to: 'fence = greatest(l.fence, 1)',
  },
  {
    name: 'postgres: gate',
    guards: 'G1, G4: decisions are made one after another',
    file: `${schema}/clocks.ts`,
    from: 'perform pg_advisory_xact_lock(',
    to: 'perform coalesce(',
  },
  {
    name: 'postgres: paused functions',
    guards: 'a paused function begins nothing',
    file: `${schema}/claim.ts`,
    from: "p.kind = 'function' and p.key = q.fn",
    to: "p.kind = 'function' and p.key = ''",
  },
  {
    name: 'postgres: floors follow',
    guards: 'whoever comes to stand before the floor is found',
    file: `${schema}/clocks.ts`,
    from: 'where f.a >= x.rank',
    to: 'where false',
  },
  {
    name: 'postgres: floors begin',
    guards: 'G8: a claim steps over no dead rows',
    file: `${schema}/claim.ts`,
    from: ".put_cell('floor', f.fn, f.place[1]",
    to: ".put_cell('floor', f.fn || ' not', f.place[1]",
  },
  {
    name: 'postgres: reading on',
    guards: 'the order of hand-out over many functions',
    file: `${schema}/claim.ts`,
    from: '    exit when not v_short;\n',
    to: '    exit;\n',
  },
  {
    name: 'postgres: fence of notes',
    guards: 'G1: a stale owner leaves no progress',
    file: `${schema}/owners.ts`,
    from: 'on l.seq = x.seq and l.fence = x.fence and l.stage = 5',
    to: 'on l.seq = x.seq',
  },
  {
    name: 'postgres: beats of the dead',
    guards: 'G1: a node that was declared dead stays dead',
    file: `${schema}/owners.ts`,
    from: "where node = p_node and (state = 'live' or state = 'draining')",
    to: 'where node = p_node',
  },
  {
    name: 'postgres: patience of others',
    guards: 'G5: an attempt that its owner does not end is ended',
    file: `${schema}/claim.ts`,
    from: '        else j + least(z.timeout, z.left_ms) + z.grace',
    to: '        else 1e15 + j + least(z.timeout, z.left_ms) + z.grace',
  },
  {
    name: 'postgres: durable before the answer',
    guards: 'G3: what was acknowledged survives a crash of the server',
    file: 'src/store/postgres/pool.ts',
    from: 'const flushed = durable && sync !== null',
    to: 'const flushed = !durable && sync !== null',
  },
  {
    name: 'postgres: asking again after an unknown end',
    guards: 'G2, G3: a lost answer doubles nothing',
    file: 'src/store/postgres/tried.ts',
    from: "      again ||= kind === 'ambiguous';\n",
    to: '',
  },
  {
    name: 'postgres: ranges that were loaded too short',
    guards: 'G4: the next in the order is let in',
    file: 'src/store/postgres/deciding/overlay.ts',
    from: 'if (base.complete) return rows.slice(0, rowsMax);',
    to: 'if (rows.length >= 0) return rows.slice(0, rowsMax);',
  },
  {
    name: 'postgres: lock of a migration',
    guards: 'several nodes may start at once',
    file: `${schema}/migrations.ts`,
    from: '`select pg_advisory_xact_lock(',
    to: '`select coalesce(',
  },
];

/** They stand in code that only the tests on a server execute. */
export const postgresMutants: readonly Mutant[] = guards.map((one) => ({
  ...one,
  stage: 'postgres',
}));
