import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { loadApp } from './app-module.ts';

const app = (name: string): string =>
  join(import.meta.dirname, '../../tests/e2e/apps', `${name}.ts`);

describe('an app module', () => {
  it('(A3) gives versions of a function in the order of the array that has them all', async () => {
    const found = await loadApp(app('versions'));
    const named = found.map(({ name, version }) => `${name} ${version}`);
    assert.deepEqual(
      named.filter((one) => one.startsWith('desk.twin')),
      ['desk.twin 9', 'desk.twin 1', 'desk.twin 10'],
    );
    assert.deepEqual(new Set(named).size, 4);
  });

  it('(A3) is refused where versions have no order', async () => {
    await assert.rejects(loadApp(app('loose-versions')), {
      code: 'app.invalid',
      details: {
        path: app('loose-versions'),
        todo: 'export them in one array, the current one last',
      },
    });
  });
});
