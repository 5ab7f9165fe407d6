/**
 * Owns how a worker process is started: this program once more, with a channel to its parent.
 *
 * W1 The worker lives no longer than its parent: the channel closes with it, whatever ended it.
 * W2 It runs on the Node and with the options of its parent, so that both resolve modules alike.
 * W3 Its command line holds no credentials: the store comes with the environment.
 */
import { fork } from 'node:child_process';
import { extname, join } from 'node:path';
import type { WorkerOrder, WorkerReport } from './messages.ts';
import type { WorkerEvents, WorkerProcess } from './supervisor.ts';

/** The entry of this program: TypeScript in the checkout, JavaScript in the package. */
const program = join(import.meta.dirname, '..', `main${extname(import.meta.filename)}`);

/** Starts one worker on the store that `store` names, a path or an address. */
export function startWorker(
  order: WorkerOrder,
  store: string,
  events: WorkerEvents,
): WorkerProcess {
  const child = fork(program, ['worker', JSON.stringify(order)], {
    env: { ...process.env, HOLDFAST_STORE: store },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  child.on('message', (report) => events.report(report as WorkerReport));
  let over = false;
  const end = (code: number | null, signal: string | null): void => {
    if (over) return;
    over = true;
    events.ended(code, signal);
  };
  child.on('exit', end);
  // A process that could not be started has no exit.
  child.on('error', () => {
    if (child.pid === undefined) end(null, 'a failure to start');
  });
  return {
    pid: child.pid ?? 0,
    order: (message) => {
      if (child.connected) child.send(message, () => {});
    },
    kill: () => void child.kill('SIGKILL'),
  };
}
