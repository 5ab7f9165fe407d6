/**
 * Owns the way to a Lua VM: a thread of its own, with nothing of the process but its memory limit.
 *
 * K1 The thread sees neither the environment nor the flags of the process.
 * K2 Killed means terminated, wherever its code stands; the host's event loop never waits for it.
 */
import { Worker } from 'node:worker_threads';
import { Hearing } from '../hearing.ts';
import type { VmFault, VmLink, VmSetup, VmWord } from '../wire.ts';
import { LuaBell, type LuaThreadData } from './lua-bell.ts';

/** The file of the thread: source beside source, built code beside built code. */
const threadFile = (): URL => {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`./lua-worker.${extension}`, import.meta.url);
};

/** JavaScript of the thread itself: texts on their way. Lua's memory is counted by Lua. */
const resourceLimits = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 16 };

/** The way to a VM in a thread. */
export interface LuaLink extends VmLink {
  /** The line at which the script was seen last, also when it stands in a function of Lua. */
  lastLine(): number | undefined;
}

/** Starts the thread of a VM. */
export function luaLink(setup: VmSetup): LuaLink {
  const bell = new LuaBell();
  const worker = new Worker(threadFile(), {
    ...{ name: 'holdfast-lua', execArgv: [], env: {}, resourceLimits },
    workerData: { setup, bell: bell.shared } satisfies LuaThreadData,
  });
  const hearing = new Hearing();
  let cause: Error | null = null;
  worker.on('message', (word: VmWord) => hearing.hear(word));
  worker.on('error', (error: Error) => {
    cause = error;
  });
  const gone = new Promise<VmFault | null>((resolve) => {
    worker.once('exit', () => resolve(cause === null ? null : faultOf(cause)));
  });
  return {
    post(order) {
      worker.postMessage(order);
      bell.ring();
    },
    listen: (listener) => hearing.listen(listener),
    gone,
    kill: () => void worker.terminate(),
    lastLine: () => bell.line || undefined,
    hold(waiting) {
      if (waiting) worker.ref();
      else worker.unref();
    },
  };
}

function faultOf(cause: Error): VmFault {
  const outOfMemory = 'code' in cause && cause.code === 'ERR_WORKER_OUT_OF_MEMORY';
  return { kind: outOfMemory ? 'memory' : 'lost', message: cause.message };
}
