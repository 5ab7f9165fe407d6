/**
 * Owns what schema version 2 adds to runs: the trace that a run belongs to.
 *
 * T1 The functions that know of it are made anew: a schema of version 1 has them as they were.
 */
import { claimSql } from './claim.ts';
import { hotSql } from './hot.ts';
import { loadSql } from './load.ts';
import { runRowsSql } from './tables.ts';

/** The same, where it is there already. */
export const anew = (text: string): string =>
  text.replaceAll(/^create (function|view) /gm, 'create or replace $1 ');

export const migrationTraces = (s: string): string => {
  const parts = [runRowsSql(s, ',\n    r.trace'), hotSql(s), claimSql(s), loadSql(s)];
  return `alter table ${s}.runs add column if not exists trace text;\n${anew(parts.join('\n'))}`;
};
