/** Cases of the rule about calls that only src/system/ may make. */
import type { Case } from './case.ts';

const CLOCK = 'is for src/system/ only; take the time from the Clock port';
const TIMER = 'is for src/system/ only; wait through the Clock port';
const RANDOM = 'is for src/system/ only; draw from the Random port';

export const CALLS: readonly Case[] = [
  {
    rule: 'banned-call',
    title: 'time, chance and timers asked of the machine',
    files: {
      'src/engine/x.ts': [
        'const a = Date.now();',
        'const b = new Date();',
        'const c = Date();',
        'const d = Math.random();',
        'const e = crypto.randomUUID();',
        'const f = setTimeout(go, 1);',
        'const g = setInterval(go, 1);',
        'const h = performance.now();',
        'const i = process.hrtime.bigint();',
        'const j = AbortSignal.timeout(5);',
      ].join('\n'),
    },
    reports: [
      `src/engine/x.ts:1 Date.now ${CLOCK}`,
      `src/engine/x.ts:2 new Date() without an argument ${CLOCK}`,
      `src/engine/x.ts:3 Date() ${CLOCK}`,
      `src/engine/x.ts:4 Math.random ${RANDOM}`,
      `src/engine/x.ts:5 crypto.randomUUID ${RANDOM}`,
      `src/engine/x.ts:6 setTimeout ${TIMER}`,
      `src/engine/x.ts:7 setInterval ${TIMER}`,
      `src/engine/x.ts:8 performance.now ${CLOCK}`,
      `src/engine/x.ts:9 process.hrtime ${CLOCK}`,
      `src/engine/x.ts:10 AbortSignal.timeout ${TIMER}`,
    ],
  },
  {
    rule: 'banned-call',
    title: 'the same without a call, through globalThis, by a module, and in the kit',
    files: {
      'src/core/a.ts': 'const options = { now: Date.now, wait: setTimeout };',
      'src/engine/b.ts': 'globalThis.setTimeout(go, 1);\nglobalThis.performance.now();',
      'src/http/c.ts': [
        "import { setTimeout as wait } from 'node:timers/promises';",
        "import { createHash, randomUUID } from 'node:crypto';",
        "import { performance } from 'node:perf_hooks';",
        "import { v7 } from 'uuid';",
        "import * as crypto from 'node:crypto';",
        "crypto.createHash('sha256');",
        'crypto.randomBytes(8);',
      ].join('\n'),
      'src/testing/d.ts': 'export const seed = Math.random();',
    },
    reports: [
      `src/core/a.ts:1 Date.now ${CLOCK}`,
      `src/core/a.ts:1 setTimeout ${TIMER}`,
      `src/engine/b.ts:1 setTimeout ${TIMER}`,
      `src/engine/b.ts:2 performance.now ${CLOCK}`,
      `src/http/c.ts:1 node:timers/promises setTimeout ${TIMER}`,
      `src/http/c.ts:2 node:crypto randomUUID ${RANDOM}`,
      `src/http/c.ts:3 node:perf_hooks performance ${CLOCK}`,
      `src/http/c.ts:4 uuid v7 ${RANDOM}`,
      `src/http/c.ts:7 crypto.randomBytes ${RANDOM}`,
      `src/testing/d.ts:1 Math.random ${RANDOM}`,
    ],
  },
  {
    rule: 'banned-call',
    title: 'a port of the same name, a stamp given, types, hashes, tests and system/',
    files: {
      'src/engine/x.ts': [
        'export function start(clock: { setTimeout(ms: number): void }, at: number) {',
        '  clock.setTimeout(1);',
        '  return { date: new Date(at), setTimeout: 1, size: Math.max(1, 2) };',
        '}',
        'type Timer = ReturnType<typeof setTimeout>;',
        'export const wait = (setTimeout: Timer) => setTimeout;',
        "import { createHash } from 'node:crypto';",
      ].join('\n'),
      'src/engine/x.test.ts': 'setTimeout(go, Date.now());',
      'src/system/clock.ts': 'export const now = () => Date.now();',
      'bench/main.ts': 'performance.now();',
    },
    reports: [],
  },
];
