/**
 * Owns the process in which JavaScript of one tenant is executed: the program that `VmHosts` starts
 * and nobody else.
 *
 * P1 It has the isolates of one tenant and nothing else: no environment, no handler, no secret. A
 *    script that breaks V8 breaks this process.
 * P2 An isolate that V8 lost control of dooms the process: whoever started it lets what runs end,
 *    asks for no more, and kills it.
 * P3 Its memory is looked at while scripts run. V8 makes some blocks far over a limit before it
 *    looks at the limit; the process ends before the machine feels it.
 */
import { systemClock } from '../../../system/clock.ts';
import { endProcess, sayAsHost as say, serveAsHost } from '../process/host-program.ts';
import type { VmFault, VmSetup } from '../wire.ts';
import { JsIsolate } from './js-isolate.ts';

const clock = systemClock();
const isolates = new Map<number, JsIsolate>();
const setups = new Map<number, VmSetup>();

const lookEveryMs = 20;
/** Over what its isolates may use. */
const slackBytes = 192 * 1_048_576;
const restBytes = process.memoryUsage.rss();

async function open(vm: number, setup: VmSetup): Promise<void> {
  const refuse = (fault: VmFault): void => say({ vm, word: { word: 'refused', fault } });
  setups.set(vm, setup);
  let ivm: typeof import('isolated-vm');
  try {
    const loaded = (await import(setup.engine)) as { readonly default: typeof ivm };
    ivm = loaded.default;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    refuse({ kind: 'unavailable', message: message.split('\n')[0] ?? '' });
    return;
  }
  // Closed meanwhile.
  if (!setups.has(vm)) return;
  const isolate = new JsIsolate({
    ...{ ivm, setup, clock, doomed: doomed(vm) },
    say: (word) => say({ vm, word }),
  });
  isolates.set(vm, isolate);
  const fault = await isolate.compile();
  if (fault === null) say({ vm, word: { word: 'ready' } });
  else refuse(fault);
}

/** P2 */
const doomed = (vm: number) => (): void => {
  isolates.delete(vm);
  setups.delete(vm);
  say({ vm, gone: { kind: 'memory', message: '' } });
  say({ host: 'doomed' });
};

/** Said to be gone only when it is: what does not stop is ended with the process. */
async function close(vm: number): Promise<void> {
  await isolates.get(vm)?.dispose();
  isolates.delete(vm);
  setups.delete(vm);
  say({ vm, gone: null });
}

/** P3 */
function look(): void {
  const busy = [...isolates.values()].filter((isolate) => isolate.busy).length;
  if (busy > 0) {
    let allowed = restBytes + slackBytes;
    for (const { limits } of setups.values()) allowed += limits.memoryBytes;
    if (process.memoryUsage.rss() > allowed) {
      say({ host: 'full' }, endProcess);
      return;
    }
  }
  clock.after(lookEveryMs, look);
}

serveAsHost(({ vm, order }) => {
  if (order.order === 'open') void open(vm, order.setup);
  else if (order.order === 'close') void close(vm);
  else if (order.order === 'run') isolates.get(vm)?.run(order);
  else isolates.get(vm)?.answer(order);
});
look();
