/**
 * The routes in docs/reference/http.md are those of the OpenAPI document, with their scopes and
 * codes. After a change `HOLDFAST_WRITE_DOCS=1 npm run docs -- http` puts them there.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { errorTable } from '../../src/core/errors.ts';
import { codesOf } from '../../src/http/openapi.ts';
import { httpSettings } from '../../src/http/options.ts';
import type { Route } from '../../src/http/route.ts';
import { routes } from '../../src/http/routes/index.ts';
import { tableRows } from './tables.ts';

const path = new URL('../../docs/reference/http.md', import.meta.url);
const marks = /(<!-- routes -->\n)[\s\S]*?(\n<!-- end of routes -->)/;
const columns = ['route', 'scope', 'what it does', 'answers', 'codes of its own'];

function rowOf(one: Route): string {
  const { method, path: route, scope, wholeStore, summary, answers, refusals = [] } = one;
  const who = `${scope ?? 'no key'}${wholeStore === true ? ', whole store' : ''}`;
  const codes = refusals.map((code) => `\`${code}\``).join(' ');
  const cells = [
    `\`${method.toUpperCase()} ${route}\``,
    who,
    summary,
    Object.keys(answers).join(' '),
  ];
  return `| ${[...cells, codes === '' ? '-' : codes].join(' | ')} |`;
}

const table = [
  `| ${columns.join(' | ')} |`,
  `|${columns.map(() => '---').join('|')}|`,
  ...routes.map(rowOf),
].join('\n');

if (process.env.HOLDFAST_WRITE_DOCS === '1') {
  const text = readFileSync(path, 'utf8');
  writeFileSync(
    path,
    text.replace(marks, (_, from, to) => `${from}${table}${to}`),
  );
}

const document = readFileSync(path, 'utf8');

describe('docs/reference/http.md', () => {
  it('has every route with its scope, its answers and its codes, and no other', () => {
    assert.ok(document.includes(table), 'HOLDFAST_WRITE_DOCS=1 npm run docs -- http');
  });

  it('names every code that any route may answer with, and none that does not exist', () => {
    for (const code of new Set(routes.flatMap(codesOf))) {
      assert.ok(document.includes(`\`${code}\``), `${code} is not named`);
    }
    for (const [code] of document.matchAll(/(?<=`)[a-z]+\.[a-z_]+(?=`)/g)) {
      assert.ok(code in errorTable, code);
    }
  });

  it('lists every option of a server with its default', () => {
    const documented = Object.fromEntries(
      tableRows(document, 'option', 'default', 'what it bounds or opens').map(
        ([name = '', value]) => [name.replaceAll('`', ''), value?.replaceAll('`', '')],
      ),
    );
    const { loopback, log, ...settings } = httpSettings({});
    assert.deepEqual(new Set(Object.keys(documented)), new Set([...Object.keys(settings), 'log']));
    for (const [name, value] of Object.entries(settings)) {
      if (typeof value === 'number' || typeof value === 'string') {
        assert.equal(documented[name], String(value), name);
      }
    }
  });
});
