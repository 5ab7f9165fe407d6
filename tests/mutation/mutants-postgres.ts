/**
 * Owns the guards of the Postgres store that the mutation gate takes out: those of its SQL, and of
 * the code around it. The rules of `mutants.ts` hold.
 */
import type { Mutant } from './mutants.ts';

const schema = 'src/store/postgres/schema';

type Guard = Omit<Mutant, 'stage'>;

const guards: readonly Guard[] = [
  {
    name: 'postgres: fence of a plain end',
    guards: 'G1: a stale owner changes nothing',
    file: `${schema}/hot.ts`,
    from: 'where l.ctid = x.place and l.fence = x.fence and l.stage = 5',
    to: 'where l.ctid = x.place and l.stage = 5',
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
    from: '.fence_floor())) + 1,',
    to: '.fence_floor()), 1),',
  },
  {
    name: 'postgres: gate',
    guards: 'G1, G4: decisions are made one after another',
    file: `${schema}/clocks.ts`,
    from: 'perform pg_advisory_xact_lock($',
    to: 'perform coalesce($',
  },
  {
    name: 'postgres: doors in the gate',
    guards: 'G1, G4: claims and ends stay out while anything else is decided',
    file: `${schema}/clocks.ts`,
    from: 'perform pg_advisory_xact_lock_shared(',
    to: 'perform coalesce(',
  },
  {
    name: 'postgres: one at a time through a door',
    guards: 'G1: two claims never choose from the same order at once',
    file: `${schema}/clocks.ts`,
    from: 'perform pg_advisory_xact_lock(\n',
    to: 'perform coalesce(\n',
  },
  {
    name: 'postgres: paused functions',
    guards: 'a paused function begins nothing',
    file: `${schema}/claim.ts`,
    from: "p.kind = 'function' and p.key",
    to: "p.kind = '' and p.key",
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
    from: "where n.node = p_node and (n.state = 'live' or n.state = 'draining')",
    to: 'where n.node = p_node',
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
    from: "const flushed = sync === null || flush === 'no' ?",
    to: "const flushed = sync !== null || flush === 'no' ?",
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

/** Of the judge's clock, and of numbers after commits were lost. */
const lossGuards: readonly Guard[] = [
  {
    name: 'postgres: fences above those that were lost',
    guards: 'G1: a fence that was lost is given to nobody else',
    file: `${schema}/claim.ts`,
    from: '.fence_floor())) + 1,',
    to: '.fence_floor() * 0)) + 1,',
  },
  {
    name: 'postgres: decided fences above those that were lost',
    guards: 'G1: a fence that was lost is given to nobody else',
    file: 'src/store/verbs/apply.ts',
    from: 'if (next.fence <= before.fence || next.fence > floor) return next;',
    to: 'if (next.fence >= before.fence) return next;',
  },
  {
    name: 'postgres: an epoch for each start of the server',
    guards: 'G1: what a failover lost is found out',
    file: `${schema}/epochs.ts`,
    from: 'where started = pg_postmaster_start_time() and place',
    to: 'where place',
  },
  {
    name: 'postgres: an epoch for each restored database',
    guards: 'G1: what a backup does not have is found out',
    file: `${schema}/epochs.ts`,
    from: ' and place = pg_relation_filepath(tableoid));',
    to: ');',
  },
  {
    name: 'postgres: an epoch for each crash',
    guards: 'G1: what a crash lost is found out',
    file: `${schema}/epochs.ts`,
    from: 'create unlogged table',
    to: 'create table',
  },
  {
    name: 'postgres: epochs on the disk',
    guards: 'G1: an epoch that began is not lost with its numbers',
    file: `${schema}/epochs.ts`,
    from: "if current_setting('synchronous_commit') = 'off' then",
    to: 'if false then',
  },
  {
    name: 'postgres: epochs after one another',
    guards: 'G1: a clock that went back takes no epoch back',
    file: `${schema}/epochs.ts`,
    from: '    1 + coalesce((',
    to: '    coalesce((',
  },
  {
    name: 'postgres: numbers of an epoch',
    guards: 'an id of a node or run means one for ever',
    file: `${schema}/epochs.ts`,
    from: "perform setval('",
    to: "perform concat('",
  },
  {
    name: 'postgres: epochs above all that is known',
    guards: 'an id of a node or run means one for ever',
    file: `${schema}/epochs.ts`,
    from: '`2 + (select last_value from',
    to: '`0 * (select last_value from',
  },
  {
    name: 'postgres: epochs of decisions',
    guards: 'what began an epoch keeps it',
    file: 'src/store/postgres/deciding/decide.ts',
    from: "    await queries.script('commit');\n    return reply;",
    to: "    await queries.script('rollback');\n    return reply;",
  },
  {
    name: 'postgres: lost policies of plain starts',
    guards: 'every run can be handed out',
    file: `${schema}/hot.ts`,
    from: 'json_to_recordset(p_items) as x(policy bigint)',
    to: 'json_to_recordset(p_items) as x(policy bigint) where false',
  },
  {
    name: 'postgres: lost policies of decided starts',
    guards: 'every run can be handed out',
    file: `${schema}/apply.ts`,
    from: "json_to_recordset(p->'runs') as x(policy bigint)",
    to: "json_to_recordset(p->'runs') as x(policy bigint) where false",
  },
  {
    name: 'postgres: policies kept anew',
    guards: 'every run can be handed out',
    file: 'src/store/postgres/policies.ts',
    from: '      if (isLostPolicy(error)) this.#keys.clear();\n',
    to: '',
  },
  {
    name: "postgres: own time moves the judge's clock",
    guards: 'G7: leases run out',
    file: 'src/store/postgres/beat-thread.ts',
    from: '      if (row !== undefined) sight.answered(row, clock.mono());\n',
    to: '',
  },
  {
    name: 'postgres: what was seen in this epoch',
    guards: 'G1: a lease is judged by what the server knows',
    file: `${schema}/owners.ts`,
    from: '  if p_seen = epoch then ',
    to: '  if true then ',
  },
  {
    name: "postgres: who knows most of the judge's clock",
    guards: 'G7: leases run out',
    file: `${schema}/clocks.ts`,
    from: 'and n >= v.n and a < p_least',
    to: 'and n = v.n and a < p_least',
  },
  {
    name: 'postgres: renewals ahead of a step',
    guards: 'G1: a node that trusts itself is not declared dead',
    file: `${schema}/owners.ts`,
    from: '- least(',
    to: '- 2 * least(',
  },
  {
    name: 'postgres: joins ahead of a step',
    guards: 'G1: a node that trusts itself is not declared dead',
    file: 'src/store/verbs/nodes.ts',
    from: 'renewalAheadMs(ttlMs, moment.judgeStepMsMax ?? 0)',
    to: 'renewalAheadMs(ttlMs, 0)',
  },
  {
    name: 'postgres: deaths after a renewal',
    guards: 'G1: a node that trusts itself is not declared dead',
    file: `${schema}/apply.ts`,
    from: "        and (r.state <> 'dead' or n.renewed_at = r.renewed_at);",
    to: ';',
  },
  {
    name: 'postgres: a step of patience',
    guards: 'G1: an owner that does its duty is left alone',
    file: `${schema}/claim.ts`,
    from: `least(z.timeout, z.left_ms) + z.grace + \${overdueMarginMs + judgeStepMsMax} end`,
    to: `least(z.timeout, z.left_ms) + z.grace + \${overdueMarginMs} end`,
  },
  {
    name: 'postgres: a step of decided patience',
    guards: 'G1: an owner that does its duty is left alone',
    file: 'src/store/verbs/apply.ts',
    from: 'forMs: wait.forMs + stepMs',
    to: 'forMs: wait.forMs',
  },
];

/** Those of retention and of sweeps, which go on at floors. */
const floorGuards: readonly Guard[] = [
  {
    name: 'postgres: children that may be asked for',
    guards: 'a parent finds what its children gave',
    file: `${schema}/migration-pruning.ts`,
    from: 'and k.parent_open = 1) is not null',
    to: 'and k.parent_open = 7) is not null',
  },
  {
    name: 'postgres: children come up again',
    guards: 'what nobody needs is deleted',
    file: `${schema}/migration-pruning.ts`,
    from: 'when (old.parent_open = 1 and new.parent_open = 0)',
    to: 'when (old.parent_open = 7)',
  },
  {
    name: 'postgres: pruning one by one',
    guards: 'nothing is left behind a floor',
    file: `${schema}/migration-pruning.ts`,
    from:
      'perform pg_advisory_xact_lock(\n' +
      `    \${lockClass}, hashtext(current_database() || ' \${s} pruning'));`,
    to: '',
  },
  {
    name: 'postgres: the floor of retention',
    guards: 'no cost grows with dead rows',
    file: `${schema}/migration-pruning.ts`,
    from: 'v_at := v_floor.a; v_seq := v_floor.b;',
    to: '',
  },
  {
    name: 'postgres: a clock that went back',
    guards: 'nothing is left behind a floor',
    file: `${schema}/migration-pruning.ts`,
    from: `if w >= v_floor.c - \${floorDistanceMs / 2} then`,
    to: 'if v_floor.c > 0 then',
  },
  {
    name: 'postgres: the floor of closings',
    guards: 'a family hears of every end',
    file: `${schema}/migration-sweeps.ts`,
    from: `if new.seq <= \${s}.closings_floor() then`,
    to: 'if false then',
  },
  {
    name: 'postgres: numbers that are not settled',
    guards: 'a run that was started in a transaction is accepted once that is committed',
    file: `${schema}/migration-sweeps.ts`,
    from: 'if v.c > v_xmin and v.c <= v_xmax then return; end if;',
    to: '',
  },
  {
    name: 'postgres: runs without room',
    guards: 'a run that was started in a transaction is accepted once that is committed',
    file: `${schema}/migration-sweeps.ts`,
    from: 'least(coalesce(v.b, 0), v_first - 1)',
    to: 'coalesce(v.b, 0)',
  },
];

/** Those of what time will change, which is looked for from floors on. */
const timeGuards: readonly Guard[] = [
  {
    name: 'postgres: floors of times rise',
    guards: 'no cost of a claim grows with dead rows',
    file: `${schema}/migration-times.ts`,
    from: `return \${s}.next_from(w, j, true);`,
    to: `return \${s}.next_from(w, j, false);`,
  },
  {
    name: 'postgres: floors of times sink with new runs',
    guards: 'what is due is not overslept',
    file: `${schema}/migration-times.ts`,
    from: `when (\${holds('new')}) execute`,
    to: 'when (false) execute',
  },
  {
    name: 'postgres: floors of times sink with what changes',
    guards: 'what is due is not overslept',
    file: `${schema}/migration-times.ts`,
    from: `when (\${holds('new')} and (\${comes})) execute`,
    to: 'when (false) execute',
  },
];

/** They stand in code that only the tests on a server execute. */
export const postgresMutants: readonly Mutant[] = [
  ...[...guards, ...floorGuards, ...timeGuards].map(
    (one): Mutant => ({ ...one, stage: 'postgres' }),
  ),
  ...lossGuards.map((one): Mutant => ({ ...one, stage: 'failover' })),
];
