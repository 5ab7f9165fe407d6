import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { folder } from '../../../tests/sqlite/scene.ts';
import { monoMs } from '../../core/time.ts';
import { systemClock } from '../../system/clock.ts';
import { openTurnstile } from './turnstile.ts';

const { mono } = systemClock();

test('whoever is alone makes no file and waits for nothing', async (t) => {
  const path = join(await folder(t), 'turn');
  const turnstile = openTurnstile(path, mono, 'unique');
  assert.equal(
    turnstile.enter(() => true, mono()),
    true,
  );
  assert.deepEqual({ ...turnstile.counts }, { waits: 0, bypasses: 0, waitMsMax: 0 });
  assert.equal(existsSync(path), false);
  turnstile.close();
});

test('whoever cannot get in lights the beacon, gives up in time and leaves the turn', async (t) => {
  const path = join(await folder(t), 'turn');
  const turnstile = openTurnstile(path, mono, 'unique');
  const startedAt = mono();
  assert.equal(
    turnstile.enter(() => false, monoMs(startedAt + 30)),
    false,
  );
  assert.ok(mono() - startedAt >= 30);
  assert.equal(turnstile.counts.waits, 1);
  assert.ok(statSync(path).mtimeMs >= Math.floor(startedAt), 'the beacon shows the clock');
  const other = openTurnstile(path, mono, 'other');
  let tries = 0;
  assert.equal(
    other.enter(
      () => {
        tries += 1;
        return tries > 1;
      },
      monoMs(mono() + 1_000),
    ),
    true,
  );
  assert.equal(other.counts.bypasses, 0, 'the turn was free');
  turnstile.close();
  other.close();
});

test('an error of whoever begins gives the turn back', async (t) => {
  const path = join(await folder(t), 'turn');
  const turnstile = openTurnstile(path, mono, 'unique');
  let tries = 0;
  const begin = (): boolean => {
    tries += 1;
    if (tries === 3) throw new Error('the disk is gone');
    return false;
  };
  assert.throws(() => turnstile.enter(begin, monoMs(mono() + 1_000)), /the disk is gone/);
  const other = openTurnstile(path, mono, 'other');
  assert.equal(
    other.enter(() => true, monoMs(mono() + 1_000)),
    true,
  );
  assert.equal(other.counts.bypasses, 0);
  turnstile.close();
  other.close();
});

test('a turn whose file cannot be made is everybody’s', async (t) => {
  const path = join(await folder(t), 'missing', 'turn');
  const turnstile = openTurnstile(path, mono, 'unique');
  let tries = 0;
  const begin = (): boolean => {
    tries += 1;
    return tries > 2;
  };
  assert.equal(turnstile.enter(begin, monoMs(mono() + 1_000)), true);
  turnstile.close();
});
