/**
 * Owns the process in which Lua of one tenant is executed, a thread for each VM: the program that
 * `VmHosts` starts and nobody else.
 *
 * P1 It has the VMs of one tenant and nothing else. Threads that execute WebAssembly and are ended
 *    over and over can bring down a process with Node 24; it is this one, and not the runtime's.
 * P2 The module is compiled here, and kept: all threads share its code, which makes VMs cheap.
 * P3 Code that is over its time and does not come by where the machine looks is told of from here,
 *    with the line that was seen last.
 */
import { readFile } from 'node:fs/promises';
import { systemClock } from '../../../system/clock.ts';
import { sayAsHost, serveAsHost } from '../process/host-program.ts';
import type { VmSetup, VmWord } from '../wire.ts';
import { type LuaLink, luaLink } from './lua-link.ts';
import { LuaTime } from './lua-time.ts';

const clock = systemClock();
const links = new Map<number, LuaLink>();
/** P2: whoever holds a module holds its code. */
const modules = new Map<string, object>();

/** What is needed of the engine of WebAssembly. */
interface Compiler {
  compile(bytes: Uint8Array): Promise<object>;
}

async function open(vm: number, setup: VmSetup): Promise<void> {
  const link = luaLink(setup);
  links.set(vm, link);
  const say = (word: VmWord): void => sayAsHost({ vm, word });
  const time = new LuaTime(clock, setup.limits.timeMs, link, say);
  link.listen((word) => time.hear(word));
  const fault = await link.gone;
  time.end();
  links.delete(vm);
  sayAsHost({ vm, gone: fault });
}

async function keepModule(engine: string): Promise<void> {
  if (modules.has(engine)) return;
  try {
    const url = new URL('./glue.wasm', import.meta.resolve(engine));
    const compiler = Reflect.get(globalThis, 'WebAssembly') as Compiler;
    modules.set(engine, await compiler.compile(await readFile(url)));
  } catch {
    // The thread says what is missing.
  }
}

serveAsHost(({ vm, order }) => {
  if (order.order === 'open') {
    void keepModule(order.setup.engine);
    void open(vm, order.setup);
  } else if (order.order === 'close') links.get(vm)?.kill();
  else links.get(vm)?.post(order);
});
