/** The contract of sharing slots between tenants. */
import assert from 'node:assert/strict';
import type { Contract } from './suite.ts';

const noLimits = { runningMax: null, waitingMax: null } as const;

export function sharing(contract: Contract): void {
  contract('shares by weight: 3 to 1 within 5 %', async (scene) => {
    const node = await scene.join();
    await scene.store.setTenant({ tenant: 'heavy', weight: 3, ...noLimits });
    await scene.store.setTenant({ tenant: 'light', weight: 1, ...noLimits });
    await scene.startMany(400, { tenant: 'light' });
    await scene.startMany(400, { tenant: 'heavy' });
    let heavy = 0;
    for (let claims = 1; claims <= 20; claims += 1) {
      const runs = await scene.claim(node, 10);
      heavy += runs.filter((run) => run.tenant === 'heavy').length;
      if (claims < 4) continue;
      const share = heavy / (claims * 10);
      assert.ok(Math.abs(share - 0.75) < 0.05 * 0.75, `after ${claims} claims: ${share}`);
    }
  });

  contract('hands a late, small tenant its runs before the rest of a burst', async (scene) => {
    const node = await scene.join();
    await scene.startMany(500, { tenant: 'burst' });
    await scene.claim(node, 50);
    const small = await scene.startMany(3, { tenant: 'small' });
    const next = await scene.claimIds(node, 10);
    assert.deepEqual(
      next.filter((id) => small.includes(id)),
      small,
    );
  });

  contract('saves nothing up for a tenant that was idle', async (scene) => {
    const node = await scene.join();
    await scene.startMany(300, { tenant: 'busy' });
    await scene.claim(node, 100);
    await scene.startMany(100, { tenant: 'idle until now' });
    const runs = await scene.claim(node, 40);
    const late = runs.filter((run) => run.tenant === 'idle until now').length;
    assert.ok(late >= 19 && late <= 21, `half of them, not ${late} of 40`);
  });

  contract('charges a tenant nothing for runs that were never handed out', async (scene) => {
    const node = await scene.join();
    const ids = await scene.startMany(100, { tenant: 'regretful' });
    await scene.store.cancel(ids.map((id) => ({ id, reason: 'no more' })));
    await scene.startMany(20, { tenant: 'other' });
    await scene.startMany(20, { tenant: 'regretful' });
    const runs = await scene.claim(node, 20);
    const share = runs.filter((run) => run.tenant === 'regretful').length;
    assert.ok(share >= 9 && share <= 11, `half of them, not ${share} of 20`);
  });

  contract('takes equal tenants by turns', async (scene) => {
    const node = await scene.join();
    const tenants = ['a', 'b', 'c', 'd'];
    for (const tenant of tenants) await scene.startMany(25, { tenant });
    for (let round = 0; round < 25; round += 1) {
      const runs = await scene.claim(node, 4);
      assert.deepEqual(runs.map((run) => run.tenant).sort(), tenants);
    }
  });

  contract('shares alike whichever function the runs are of', async (scene) => {
    const node = await scene.join();
    await scene.startMany(60, { tenant: 'one', fn: 'a' });
    await scene.startMany(30, { tenant: 'two', fn: 'b' });
    const runs = await scene.claim(node, 40, ['a', 'b']);
    const two = runs.filter((run) => run.tenant === 'two').length;
    assert.ok(two >= 19 && two <= 21, `half of them, not ${two} of 40`);
  });

  contract('goes on fairly after a weight was changed', async (scene) => {
    const node = await scene.join();
    for (const tenant of ['a', 'b']) await scene.startMany(50, { tenant });
    await scene.claim(node, 20);
    await scene.store.setTenant({ tenant: 'a', weight: 9, ...noLimits });
    // What is eligible keeps its place; what comes from now on has the new weight.
    for (const tenant of ['a', 'b']) await scene.startMany(200, { tenant });
    await scene.claim(node, 80);
    const runs = await scene.claim(node, 100);
    const share = runs.filter((run) => run.tenant === 'a').length / runs.length;
    assert.ok(Math.abs(share - 0.9) < 0.05, `nine of ten, not ${share}`);
  });
}
