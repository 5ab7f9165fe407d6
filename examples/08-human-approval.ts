/**
 * A run that waits for a person. It holds no slot and no memory meanwhile, for days if need be, and
 * goes on when somebody who has its token decides, or when the time for it is over.
 *
 *   npm exec -- node --conditions=holdfast-source examples/08-human-approval.ts
 */
import { defineFunction, Holdfast } from 'holdfast';

/** What the run sends, in place of mails with a link. */
const mails: { readonly to: string; readonly token: string }[] = [];

const refund = defineFunction({
  name: 'refund',
  run: async ({ order, cents }: { order: number; cents: number }, ctx) => {
    if (cents > 10_000) {
      const approval = await ctx.approval('refund', { timeoutMs: 100 });
      await ctx.step('ask', () => {
        mails.push({ to: 'desk@example.com', token: approval.token });
      });
      const { state, by } = await approval.decision();
      if (state !== 'approved') return `order ${order}: ${state}${by === null ? '' : ` by ${by}`}`;
    }
    await ctx.step('pay', () => ({ order, cents }));
    return `order ${order}: paid`;
  },
});

// One slot is enough: whoever waits does not hold it.
await using hf = await Holdfast.open({ store: 'memory:', functions: [refund], slots: 1 });

/** The next mail. */
async function mail(): Promise<string> {
  for (;;) {
    const next = mails.shift();
    if (next !== undefined) return next.token;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const small = await hf.start(refund, { order: 1, cents: 500 });
console.log(await small.result());

const approved = await hf.start(refund, { order: 2, cents: 20_000 });
await hf.approvals.approve(await mail(), { by: 'ada', data: { note: 'good customer' } });
console.log(await approved.result());

const rejected = await hf.start(refund, { order: 3, cents: 90_000 });
const token = await mail();
await hf.approvals.reject(token, { by: 'bea' });
console.log(await rejected.result());
const again = await hf.approvals.approve(token).catch((error: { code: string }) => error.code);
console.log(`deciding twice: ${again}`);

const forgotten = await hf.start(refund, { order: 4, cents: 90_000 });
console.log(await forgotten.result());
