/**
 * Starts runs one after another on a store, so that each waits for a commit of its own, and prints
 * how many were acknowledged. Heartbeats, which need no sync, are committed all the while.
 *
 *   node sync-child.ts <store> <durability> <runs>
 */
import { defineFunction, Holdfast } from 'holdfast';

const [path = '', durability, runs = '0'] = process.argv.slice(2);
const idle = defineFunction({ name: 'idle', run: () => null });
const hf = await Holdfast.open({
  store: { path },
  durability: durability === 'full' ? 'full' : 'relaxed',
  functions: [idle],
  leaseTtlMs: 1_000,
  heartbeatMs: 10,
});
for (let n = 0; n < Number(runs); n += 1) await hf.start(idle, null);
process.stdout.write(`${runs} acknowledged\n`);
await hf.close();
