/**
 * SQL is written in src/store/ and nowhere else, so that one contract suite covers all of it. The
 * bus through PostgreSQL is no store and must not see one; its two statements have the suite of
 * buses.
 */
import { finding, isProduction, type Rule, walk } from '../source.ts';

const PLACES = /^src\/(store|bus\/postgres)\//;

/** Statements in capitals, and lower-case ones whose shape no English sentence has. */
const STATEMENTS = [
  /^\s*(SELECT\s[\s\S]*\bFROM\b|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s[\s\S]*\bSET\b)/,
  /^\s*(DELETE\s+FROM|MERGE\s+INTO|TRUNCATE\s)/,
  /^\s*(CREATE|ALTER|DROP)\s+([A-Z]+\s+)*(TABLE|INDEX|VIEW)\b/,
  /^\s*(WITH\s+(RECURSIVE\s+)?\w+[\s\S]*\bAS\s*\(|PRAGMA\s+\w|LISTEN\s+\w|NOTIFY\s+\w|VACUUM\b)/,
  /^\s*(BEGIN(\s+(IMMEDIATE|EXCLUSIVE|TRANSACTION))?|COMMIT|ROLLBACK|SAVEPOINT\s+\w+)\s*;?\s*$/,
  /^\s*(select\s[\s\S]*\sfrom\s+\w+\s*($|;|where\s|order\s+by\s|group\s+by\s|limit\s|join\s))/,
  /^\s*create\s+((or replace|unique|temporary|temp)\s+)?(table|index|view)\s+[\w\s]+(\(|on\s|as\s)/,
  /^\s*(insert\s+into\s+\w+\s*(\(|values\b|select\b)|update\s+\w+\s+set\s+\w+\s*=)/,
  /^\s*(delete\s+from\s+\w+\s+where\s|with\s+\w+\s+as\s*\(\s*(select|insert|update|delete)\s)/,
];

export const sql: Rule = {
  name: 'sql',
  check(source) {
    if (!isProduction(source) || PLACES.test(source.path)) return [];
    if (source.code === undefined) return [];
    const findings: ReturnType<typeof finding>[] = [];
    const look = (text: string, at: number) => {
      if (!STATEMENTS.some((statement) => statement.test(text))) return;
      findings.push(finding(source, sql, at, 'SQL text; put the statement in src/store/'));
    };
    walk(source.code.program, (node) => {
      if (node.type === 'Literal' && typeof node.value === 'string') look(node.value, node.start);
      if (node.type === 'TemplateLiteral') {
        look(node.quasis.map((part) => part.value.cooked ?? '').join('x'), node.start);
      }
    });
    return findings;
  },
};
