/** Cases of the rules about tests: focus, skips, sleeps. */
import type { Case } from './case.ts';

const SKIP = "skipped without a reason; write { skip: 'why' } or a condition that gives the reason";
const ONLY = 'a test singled out; remove it so that all tests run';
const UNWRITTEN = 'a test announced but not written; write it or leave it out';
const INSTEAD = 'wait for the event itself, or move the simulated clock';

export const TESTS: readonly Case[] = [
  {
    rule: 'test-focus',
    title: 'only, and skips that give no reason',
    files: {
      'tests/a.test.ts': [
        "test.only('a', () => {});",
        "describe.skip('b', () => {});",
        "test('c', { only: true }, () => {});",
        "test('d', { skip: true }, () => {});",
        "test('e', { skip: !hasPostgres }, () => {});",
        "test('f', (t) => t.skip());",
        "t.test('g', { todo: true }, () => {});",
        "it.todo('h');",
      ].join('\n'),
    },
    reports: [
      `tests/a.test.ts:1 ${ONLY}`,
      `tests/a.test.ts:2 ${SKIP}`,
      `tests/a.test.ts:3 ${ONLY}`,
      `tests/a.test.ts:4 ${SKIP}`,
      `tests/a.test.ts:5 ${SKIP}`,
      `tests/a.test.ts:6 ${SKIP}`,
      `tests/a.test.ts:7 ${UNWRITTEN}`,
      `tests/a.test.ts:8 ${UNWRITTEN}`,
    ],
  },
  {
    rule: 'test-focus',
    title: 'skips with a reason, and the words in another sense',
    files: {
      'tests/a.test.ts': [
        "test('a', { skip: 'needs Postgres' }, () => {});",
        "test('b', { skip: hasPostgres ? false : 'needs Postgres' }, () => {});",
        "test('c', { skip: whyNoPostgres }, () => {});",
        "test('d', (t) => t.skip('needs Postgres'));",
        "test('e', { skip: false, only: false }, () => {});",
        'lane.skip();',
        'const options = { only: true };',
      ].join('\n'),
    },
    reports: [],
  },
  {
    rule: 'sleep',
    title: 'sleeps in all spellings',
    files: {
      'tests/a.test.ts': [
        "import { setTimeout as sleep } from 'node:timers/promises';",
        'await new Promise((resolve) => setTimeout(resolve, 5));',
        'await new Promise((done) => { setTimeout(() => done(1), 5); });',
        'await new Promise(function (resolve) { setTimeout(resolve, 5); });',
      ].join('\n'),
    },
    reports: [
      `tests/a.test.ts:1 imports node:timers/promises; ${INSTEAD}`,
      `tests/a.test.ts:2 sleeps with setTimeout; ${INSTEAD}`,
      `tests/a.test.ts:3 sleeps with setTimeout; ${INSTEAD}`,
      `tests/a.test.ts:4 sleeps with setTimeout; ${INSTEAD}`,
    ],
  },
  {
    rule: 'sleep',
    title: 'a deadline, a signal, and code that is no test',
    files: {
      'tests/a.test.ts': [
        "import { setImmediate as turn } from 'node:timers/promises';",
        "await new Promise((_, reject) => setTimeout(() => reject(new Error('late')), 5000));",
        "await new Promise((resolve) => child.once('exit', resolve));",
        'setTimeout(() => child.kill(), 5000);',
      ].join('\n'),
      'bench/main.ts': 'await new Promise((resolve) => setTimeout(resolve, 5));',
    },
    reports: [],
  },
];
