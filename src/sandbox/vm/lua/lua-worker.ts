/**
 * Owns the thread of one Lua VM: the entry point of a worker, started by `luaLink` only.
 *
 * L1 The thread executes scripts synchronously; whoever started it ends it when they take too long.
 * L2 A grant is a question to the other side; the thread stands still until it is answered.
 */
import {
  type MessagePort,
  parentPort,
  receiveMessageOnPort,
  workerData,
} from 'node:worker_threads';
import { HoldfastError } from '../../../core/errors.ts';
import { systemClock } from '../../../system/clock.ts';
import type { VmFault, VmOrder, VmWord } from '../wire.ts';
import { loadLua } from './lua-api.ts';
import { LuaBell, type LuaThreadData } from './lua-bell.ts';
import { LuaMachine, type LuaSurroundings } from './lua-machine.ts';

async function serve(port: MessagePort): Promise<void> {
  const { setup, bell: shared } = workerData as LuaThreadData;
  const bell = new LuaBell(shared);
  const say = (word: VmWord): void => port.postMessage(word);
  let machine: LuaMachine;
  try {
    const seen = (line: number): void => {
      bell.line = line;
    };
    machine = new LuaMachine(await loadLua(setup.engine), setup, systemClock(), seen);
  } catch (error) {
    say({ word: 'refused', fault: { kind: 'unavailable', message: firstLine(error) } });
    return;
  }
  const fault = machine.compile();
  if (fault !== null) {
    say({ word: 'refused', fault });
    return;
  }
  port.on('message', (order: VmOrder) => {
    if (order.order !== 'run') return;
    const { call } = order;
    let asks = 0;
    say({ word: 'began', call });
    const around: LuaSurroundings = {
      value: (text) => say({ word: 'value', call, text }),
      over: (fault) => say({ word: 'failed', call, fault, clean: false }),
      ask(grant, text) {
        asks += 1;
        say({ word: 'ask', call, ask: asks, grant, text });
        return answerTo(port, bell, asks);
      },
    };
    try {
      const end = machine.run(order.input, around);
      if (end.ok) say({ word: 'done', call, text: end.text });
      else say({ word: 'failed', call, fault: end.fault, clean: true });
    } catch (error) {
      // Not an error of Lua but of the machine below it: nothing of it is to be used again.
      const fault: VmFault = { kind: 'lost', message: firstLine(error) };
      say({ word: 'failed', call, fault, clean: false });
    }
  });
  say({ word: 'ready' });
}

/** L2 */
function answerTo(
  port: MessagePort,
  bell: LuaBell,
  ask: number,
): { readonly ok: boolean; readonly text: string } {
  for (;;) {
    const seen = bell.orders;
    const next = receiveMessageOnPort(port);
    if (next === undefined) bell.wait(seen);
    else {
      const order = next.message as VmOrder;
      if (order.order === 'answer' && order.ask === ask) return order;
    }
  }
}

const firstLine = (error: unknown): string =>
  String(error instanceof Error ? error.message : error).split('\n')[0] ?? '';

if (parentPort === null) {
  throw new HoldfastError('internal.defect', 'this file is a worker, no program');
}
void serve(parentPort);
