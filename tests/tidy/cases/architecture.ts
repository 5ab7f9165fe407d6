/** Cases of the rules about what may know what: floors, purity, cycles, SQL, source paths. */
import type { Case } from './case.ts';

export const ARCHITECTURE: readonly Case[] = [
  {
    rule: 'floors',
    title: 'an import from a floor above',
    files: { 'src/core/lane.ts': "import { claim } from '../store/claim.ts';" },
    reports: [
      'src/core/lane.ts:1 core/ (floor 0) must not import store/ (floor 2); ' +
        'move the shared part down, or take it as an argument',
    ],
  },
  {
    rule: 'floors',
    title: 'a type, a re-export and a dynamic import from above count as well',
    files: {
      'src/ports/store.ts': [
        "import type { Engine } from '../engine/engine.ts';",
        "export { run } from '../runtime.ts';",
        "export const load = () => import('../http/server.ts');",
        "export type Cli = import('../cli/main.ts').Cli;",
      ].join('\n'),
    },
    reports: [
      'src/ports/store.ts:1 ports/ (floor 1) must not import engine/ (floor 3); ' +
        'move the shared part down, or take it as an argument',
      'src/ports/store.ts:2 ports/ (floor 1) must not import a file of src/ (floor 4); ' +
        'move the shared part down, or take it as an argument',
      'src/ports/store.ts:3 ports/ (floor 1) must not import http/ (floor 5); ' +
        'move the shared part down, or take it as an argument',
      'src/ports/store.ts:4 ports/ (floor 1) must not import cli/ (floor 5); ' +
        'move the shared part down, or take it as an argument',
    ],
  },
  {
    rule: 'floors',
    title: 'siblings of one floor, but for system/',
    files: {
      'src/store/memory/store.ts':
        "import { bus } from '../../bus/bus.ts';\nimport { clock } from '../../system/clock.ts';",
      'src/system/clock.ts': "import { store } from '../store/store.ts';",
      'src/client/client.ts': "import { server } from '../http/server.ts';",
    },
    reports: [
      'src/client/client.ts:1 client/ and http/ share floor 5 and must not see each other; ' +
        'move the shared part down',
      'src/store/memory/store.ts:1 store/ and bus/ share floor 2 and must not see each other; ' +
        'move the shared part down',
      'src/system/clock.ts:1 system/ and store/ share floor 2 and must not see each other; ' +
        'move the shared part down',
    ],
  },
  {
    rule: 'floors',
    title: 'engine/ sees core/ and ports/ only',
    files: {
      'src/engine/dispatcher.ts': [
        "import { lane } from '../core/lane.ts';",
        "import type { Store } from '../ports/store.ts';",
        "import { keeper } from './keeper.ts';",
        "import { clock } from '../system/clock.ts';",
      ].join('\n'),
    },
    reports: [
      'src/engine/dispatcher.ts:4 engine/ sees core/ and ports/ only; ' +
        'let src/runtime.ts hand in what is in system/',
    ],
  },
  {
    rule: 'floors',
    title: 'the kit drives all but the edges, and only tests import it',
    files: {
      'src/testing/world.ts':
        "import { open } from '../runtime.ts';\nimport { main } from '../cli/main.ts';",
      'src/runtime.ts': "import { world } from './testing/world.ts';",
      'src/runtime.test.ts': "import { world } from './testing/world.ts';",
    },
    reports: [
      'src/runtime.ts:1 src/testing/ is for tests; only tests may import it',
      'src/testing/world.ts:2 src/testing/ must not import cli/',
    ],
  },
  {
    rule: 'floors',
    title: 'leaving src/, naming the package itself, and a folder without a floor',
    files: {
      'src/index.ts': "import { x } from '../tests/x.ts';\nimport { y } from 'holdfast/testing';",
      'src/cli/main.ts': "import manifest from '../../package.json' with { type: 'json' };",
      'src/magic/wand.ts': "import { lane } from '../core/lane.ts';",
    },
    reports: [
      'src/cli/main.ts:1 package.json is outside src/; move what is needed into src/',
      'src/index.ts:1 tests/x.ts is outside src/; move what is needed into src/',
      'src/index.ts:2 holdfast/testing is this package; import the file by its relative path',
      'src/magic/wand.ts:1 magic/ has no floor; name it in tests/tidy/rules/floors.ts',
    ],
  },
  {
    rule: 'floors',
    title: 'downwards is free',
    files: {
      'src/runtime.ts':
        "import { a } from './core/a.ts';\nimport { b } from './engine/b.ts';\n" +
        "import { c } from './store/c.ts';\nimport { d } from './limits.ts';",
      'src/cli/main.ts': "import { r } from '../index.ts';\nimport { h } from '../http/server.ts';",
    },
    reports: [],
  },
  {
    rule: 'purity',
    title: 'a package, a node: module and a global in core/ and ports/',
    files: {
      'src/core/id.ts': "import { v7 } from 'uuid';\nconsole.log(process.env.HOME);",
      'src/ports/log.ts': "import { EventEmitter } from 'node:events';",
      'src/core/schema.ts': "import type { StandardSchemaV1 } from '@standard-schema/spec';",
    },
    reports: [
      'src/core/id.ts:1 imports uuid; core/ and ports/ import no package and no node: module, ' +
        'so pass in what is needed through a port',
      'src/core/id.ts:2 uses the global console; pass it in through a port',
      'src/core/id.ts:2 uses the global process; pass it in through a port',
      'src/core/schema.ts:1 imports @standard-schema/spec; core/ and ports/ import no package ' +
        'and no node: module, so pass in what is needed through a port',
      'src/ports/log.ts:1 imports node:events; core/ and ports/ import no package and no node: ' +
        'module, so pass in what is needed through a port',
    ],
  },
  {
    rule: 'purity',
    title: 'the schema types in ports/, and names of the file itself',
    files: {
      'src/ports/function.ts': "import type { StandardSchemaV1 } from '@standard-schema/spec';",
      'src/core/mailbox.ts':
        'export const send = (process: Process) => process.mailbox;\n' +
        'export const kinds = { process: 1, console: 2 };',
      'src/core/lane.test.ts': "import fc from 'fast-check';",
    },
    reports: [],
  },
  {
    rule: 'browser',
    title: 'what no browser has, in the client and in what it loads',
    files: {
      'src/client/client.ts':
        "import { sign } from './sign.ts';\nimport { time } from '../system/time.ts';",
      'src/client/sign.ts': "import { createHash } from 'node:crypto';\nBuffer.from('a');",
      'src/system/time.ts': "import ms from 'ms';\nprocess.nextTick(ms);",
    },
    reports: [
      'src/client/sign.ts:1 imports node:crypto; the client is loaded by browsers; ' +
        'use what every platform of the web has',
      'src/client/sign.ts:2 uses the global Buffer; no browser has it',
      'src/system/time.ts:1 imports ms; the client is loaded by browsers; ' +
        'use what every platform of the web has',
      'src/system/time.ts:2 uses the global process; no browser has it',
    ],
  },
  {
    rule: 'browser',
    title: 'types from anywhere, the packages that are named, and other folders',
    files: {
      'src/client/client.ts':
        "import type { Pool } from '../system/pool.ts';\nimport { v7 } from 'uuid';",
      'src/system/pool.ts': "import { Pool } from 'pg';\nprocess.exit();",
      'src/client/client.test.ts': "import { it } from 'node:test';",
    },
    reports: [],
  },
  {
    rule: 'cycle',
    title: 'a round of three, and a round of types only',
    files: {
      'src/core/a.ts': "import { b } from './b.ts';",
      'src/core/b.ts': "import { c } from './c.ts';",
      'src/core/c.ts': "import { d } from './d.ts';\nimport { a } from './a.ts';",
      'src/core/d.ts': "import type { E } from './e.ts';",
      'src/core/e.ts': "import type { D } from './d.ts';",
      'src/core/f.ts': "import { a } from './a.ts';",
    },
    reports: [
      'src/core/a.ts:1 src/core/a.ts -> src/core/b.ts -> src/core/c.ts -> src/core/a.ts; ' +
        'move what both need to a file below',
      'src/core/d.ts:1 src/core/d.ts -> src/core/e.ts -> src/core/d.ts; ' +
        'move what both need to a file below',
    ],
  },
  {
    rule: 'cycle',
    title: 'a diamond is none',
    files: {
      'src/core/a.ts': "import './b.ts';\nimport './c.ts';",
      'src/core/b.ts': "import './d.ts';",
      'src/core/c.ts': "import './d.ts';",
      'src/core/d.ts': '',
    },
    reports: [],
  },
  {
    rule: 'sql',
    title: 'a statement outside store/, as a string or a template',
    files: {
      'src/engine/claim.ts':
        "const a = 'SELECT id FROM runs';\nconst b = `\n  update runs set owner = 1`;\n" +
        "const c = 'BEGIN IMMEDIATE';",
      'src/bus/file/file-bus.ts': "const a = 'LISTEN wake';",
    },
    reports: [
      'src/bus/file/file-bus.ts:1 SQL text; put the statement in src/store/',
      'src/engine/claim.ts:1 SQL text; put the statement in src/store/',
      'src/engine/claim.ts:2 SQL text; put the statement in src/store/',
      'src/engine/claim.ts:4 SQL text; put the statement in src/store/',
    ],
  },
  {
    rule: 'sql',
    title: 'plain sentences, and statements in store/, of the Postgres bus, or in a test',
    files: {
      'src/engine/text.ts':
        "export const texts = ['select one from the list', 'delete from here', 'Update the set.'," +
        " 'Created table', 'with care as (always)', 'BEGINNING', 'insert into the queue'];",
      'src/store/sqlite/runs.ts': "const a = 'SELECT id FROM runs';",
      'src/bus/postgres/statements.ts': "const a = 'LISTEN wake';",
      'src/bus/bus.test.ts': "const a = 'SELECT id FROM runs';",
    },
    reports: [],
  },
  {
    rule: 'source-url',
    title: 'a source path in a string',
    files: {
      'src/system/heartbeat.ts': "const at = new URL('./heartbeat-thread.ts', import.meta.url);",
    },
    reports: [
      'src/system/heartbeat.ts:1 ./heartbeat-thread.ts is not there once compiled; ' +
        'build it from import.meta.url',
    ],
  },
  {
    rule: 'source-url',
    title: 'imports of every kind are rewritten by the compiler',
    files: {
      'src/system/heartbeat.ts':
        "import './a.ts';\nexport * from './b.ts';\nexport { c } from './c.ts';\n" +
        "await import('./d.ts');\ntype E = import('./e.ts').E;",
    },
    reports: [],
  },
];
