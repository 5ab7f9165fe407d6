/**
 * Owns the words in which the contract of families is written.
 */
import assert from 'node:assert/strict';
import type { ChildClose, ChildRow } from '../../../src/ports/store-family.ts';
import type { ClaimedRun, StartVerdict } from '../../../src/ports/store-runs.ts';
import type { StepWrite } from '../../../src/ports/store-steps.ts';
import type { Scene, Wish } from './scene.ts';

/** What a test may say about a child. */
export interface ChildWish extends Wish {
  readonly group?: string;
  readonly index?: number;
  readonly close?: ChildClose;
}

/** Starts a child and gives the verdict. */
export async function bearAs(
  scene: Scene,
  { seq, fence }: Pick<ClaimedRun, 'seq' | 'fence'>,
  { group = 'g', index = 0, close = 'cancel', ...wish }: ChildWish = {},
): Promise<StartVerdict> {
  const item = scene.item({ ...wish, parent: { seq, fence, group, index, close } });
  const { reply } = await scene.store.start([item]);
  assert.ok(reply[0] !== undefined);
  return reply[0];
}

/** Starts a child, which must be accepted; gives its id. */
export async function bear(
  scene: Scene,
  parent: Pick<ClaimedRun, 'seq' | 'fence'>,
  wish: ChildWish = {},
): Promise<string> {
  const verdict = await bearAs(scene, parent, wish);
  assert.ok(verdict.ok, JSON.stringify(verdict));
  return verdict.id;
}

/** Children of one group, with indexes from 0. */
export async function bearMany(
  scene: Scene,
  parent: Pick<ClaimedRun, 'seq' | 'fence'>,
  count: number,
  wish: ChildWish = {},
): Promise<string[]> {
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) {
    ids.push(await bear(scene, parent, { ...wish, index }));
  }
  return ids;
}

/** The wait for all children of a group. */
export const waitForAll = (group = 'g'): StepWrite => ({
  ...{ does: 'wait', key: `child/${group}`, kind: 'child', wake: null, event: null, token: null },
});

/** The step that started them. */
export const startedAll = (group = 'g'): StepWrite => ({
  ...{ does: 'end', key: `start/${group}`, kind: 'step', tries: 1 },
  end: { how: 'returned', value: '1', error: null },
});

/** Sweeps until there is nothing more to do. */
export async function sweepAll(scene: Scene): Promise<void> {
  for (;;) {
    const { reply } = await scene.store.sweep(500);
    if (!reply.more) return;
  }
}

/** All children of a run, in pages of two. */
export async function childrenOf(
  scene: Scene,
  id: string,
  group: string | null = null,
  results = false,
): Promise<readonly ChildRow[]> {
  const children: ChildRow[] = [];
  for (let after: number | null = null; ; ) {
    const page = await scene.store.children({ id, group, after, rowsMax: 2, results });
    assert.ok(page !== null, `no run ${id}`);
    children.push(...page.children);
    if (page.next === null) return children;
    after = page.next;
  }
}
