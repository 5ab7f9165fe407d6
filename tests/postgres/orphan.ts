/**
 * A program that starts a cluster and ends without taking it away, in the way that its argument
 * names: `exit`, `throw`, or, with any other, not at all, until it is killed.
 */
import { startCluster } from './cluster.ts';

const cluster = await startCluster();
process.send?.(cluster.pid);
switch (process.argv[2]) {
  case 'exit':
    process.exit(0);
    break;
  case 'throw':
    throw new Error('as a test that goes wrong');
  default:
    process.on('message', () => {});
}
