/** Cases of the rules on the shape of files: exports, casts, names, headers, sizes, leftovers. */
import type { Case } from './case.ts';

const lines = (count: number) => 'call();\n'.repeat(count);
/** Put together so that the tidy test does not find them here. */
const mark = ['TO', 'DO'].join('');
const folder = ['', 'work', 'main'].join('/');

export const SHAPE: readonly Case[] = [
  {
    rule: 'default-export',
    title: 'in both spellings',
    files: {
      'src/a.ts': 'export default function run() {}',
      'src/b.ts': 'const run = 1;\nexport { run as default };',
      'tests/c.ts': 'export default 1;',
      'src/d.ts': 'export const run = 1;',
    },
    reports: [
      'src/a.ts:1 default export; export it by name',
      'src/b.ts:2 default export; export it by name',
    ],
  },
  {
    rule: 'escape',
    title: 'casts to any and silenced errors, in tests too',
    files: {
      'src/a.ts': 'const a = b as any;\nconst c = <any>b;\nconst d = b as unknown;',
      'tests/b.ts': '// @ts-ignore\nconst a = 1;\n/* @ts-nocheck */',
      'tests/c.ts': "// @ts-expect-error a stale fence is not a number\nfence('x');",
      'tests/d.ts': "// The text '@ts-ignore' in a sentence is no directive.",
    },
    reports: [
      'src/a.ts:1 cast to any; narrow from unknown, or cast to the type that it is',
      'src/a.ts:2 cast to any; narrow from unknown, or cast to the type that it is',
      'tests/b.ts:1 @ts-ignore; mend the type, or use @ts-expect-error with why',
      'tests/b.ts:3 @ts-nocheck; mend the type, or use @ts-expect-error with why',
    ],
  },
  {
    rule: 'file-name',
    title: 'names for anything, and other spellings',
    files: {
      'src/core/utils.ts': '',
      'src/engine/lease-manager.ts': '',
      'tests/helpers/wait.ts': '',
      'src/core/laneQueue.ts': '',
      'src/core/lane-queue.test.ts': '',
      'src/core/typed-array.ts': '',
    },
    reports: [
      'src/core/laneQueue.ts:1 "laneQueue.ts" is not kebab-case; write lower-case-words',
      'src/core/utils.ts:1 "utils" says nothing; name the noun it defines',
      'src/engine/lease-manager.ts:1 "manager" says nothing; name the noun it defines',
      'tests/helpers/wait.ts:1 "helpers" says nothing; name the noun it defines',
    ],
  },
  {
    rule: 'header',
    title: 'code without a word before it',
    files: {
      'src/core/lane.ts': 'export const width = 1;\n// too late',
      'src/core/empty.ts': '/***/\nexport const width = 1;',
      'src/cli/main.ts': '#!/usr/bin/env node\n\nrun();',
      'src/core/fence.ts': '/** Numbers the ownership of a run. */\nexport const first = 1;',
      'src/cli/other.ts': '#!/usr/bin/env node\n\n/** The command line. */\nrun();',
      'src/core/index.ts': "export * from './lane.ts';",
      'src/core/lane.test.ts': 'run();',
    },
    reports: [
      'src/cli/main.ts:1 no header comment; say what the file owns and what it leaves to others',
      'src/core/empty.ts:1 no header comment; say what the file owns and what it leaves to others',
      'src/core/lane.ts:1 no header comment; say what the file owns and what it leaves to others',
    ],
  },
  {
    rule: 'file-lines',
    title: 'one line too many; a test may be longer',
    files: {
      'src/a.ts': lines(501),
      'src/b.ts': lines(500),
      'src/c.test.ts': lines(600),
    },
    reports: ['src/a.ts:1 501 lines, more than 500; split it by responsibility'],
  },
  {
    rule: 'function-lines',
    title: 'functions, arrows and methods of one line too many',
    files: {
      'src/a.ts':
        `function long() {\n${lines(69)}}\n` +
        `const arrow = () => {\n${lines(69)}};\n` +
        `class A {\n  method() {\n${lines(69)}}\n}\n` +
        `function fits() {\n${lines(68)}}\n`,
    },
    reports: [
      'src/a.ts:1 long has 71 lines, more than 70; give its parts names of their own',
      'src/a.ts:72 arrow has 71 lines, more than 70; give its parts names of their own',
      'src/a.ts:144 method has 71 lines, more than 70; give its parts names of their own',
    ],
  },
  {
    rule: 'line-columns',
    title: 'columns are counted in characters, not in bytes',
    files: {
      'src/a.ts': `// ${'x'.repeat(98)}\n// ${'\u{1F512}'.repeat(97)}`,
      'docs/a.md': 'x'.repeat(200),
    },
    reports: ['src/a.ts:1 101 columns, more than 100; break the line'],
  },
  {
    rule: 'leftover',
    title: 'a mark in code or in a document, but not inside a word',
    files: {
      'src/a.ts': `// ${mark}: later`,
      'docs/a.md': `one\n${mark}`,
      'docs/b.md': `${mark}S hackneyed`,
    },
    reports: [
      `docs/a.md:2 ${mark} left behind; do it now or open an issue`,
      `src/a.ts:1 ${mark} left behind; do it now or open an issue`,
    ],
  },
  {
    rule: 'place',
    title: 'folders and hosts of one machine',
    files: {
      'docs/a.md': `run it in ${folder}`,
      'tests/a.ts': `const at = '${['', 'home', 'ann', 'x'].join('/')}';`,
      'docs/b.md': `see https://${['registry', 'npmjs', 'org'].join('.')}/x`,
      'docs/c.md': `node${folder} and .${folder} and /workflows/main and /tmp/x are fine`,
    },
    reports: [
      `docs/a.md:1 ${folder.slice(0, 6)} belongs to one machine; ` +
        'use a relative path or a temporary folder',
      `docs/b.md:1 ${['registry', 'npmjs', 'org'].join('.')} belongs to one machine; ` +
        'use a relative path or a temporary folder',
      `tests/a.ts:1 ${['', 'home', 'ann', ''].join('/')} belongs to one machine; ` +
        'use a relative path or a temporary folder',
    ],
  },
];
