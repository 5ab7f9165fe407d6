/**
 * One kind of sandbox in its process: no-op calls, VMs made anew, and what they hold in memory, of
 * this process and those below it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { scriptHostOf } from '../../src/define-script.ts';
import type { RunContext } from '../../src/engine/run-context.ts';
import { defineScript, runScript, threadHandler } from '../../src/index.ts';
import { resourceOf } from '../../src/ports/sandbox.ts';
import { type Answer, type Ask, type Case, verify } from '../case.ts';

/** Sandboxes of one kind, so many of them. */
interface Box {
  call(input: number): Promise<unknown>;
  close(): Promise<void>;
}

const threadFile = new URL('./vm-thread.ts', import.meta.url);

/** A new one each time: a tenant's VMs pay for its process. */
let tenants = 0;

const openers: Readonly<Record<string, (vms: number) => Promise<Box>>> = {
  js: (vms) => script('js', vms),
  lua: (vms) => script('lua', vms),
  thread: ownThreads,
  'isolated-vm': bareIsolates,
  wasmoon: bareLua,
  piscina: peerThreads,
};

export async function openCase({ which }: Ask): Promise<Case> {
  const open = openers[String(which)];
  if (open === undefined) throw new Error(`no sandbox ${String(which)}`);
  return {
    async ask({ calls, vms }): Promise<Answer> {
      const one = await open(1);
      const startedAt = performance.now();
      for (let n = 0; n < Number(calls); n += 1) verify((await one.call(n)) === n, 'a call');
      const callUs = ((performance.now() - startedAt) * 1e3) / Number(calls);
      await one.close();
      const early = below();
      const before = residentMb(early);
      const madeAt = performance.now();
      const many = await open(Number(vms));
      const madePerSecond = (Number(vms) * 1e3) / (performance.now() - madeAt);
      const mbEach = (residentMb(early) - before) / Number(vms);
      const perSecond = await atOnce(many, Number(calls) * 2);
      await many.close();
      return { callUs, perSecond, madePerSecond, mbEach };
    },
    async close() {},
  };
}

async function atOnce(box: Box, calls: number): Promise<number> {
  let next = 0;
  const startedAt = performance.now();
  const lane = async (): Promise<void> => {
    while (next < calls) {
      const n = next;
      next += 1;
      verify((await box.call(n)) === n, 'a call');
    }
  };
  await Promise.all(Array.from({ length: 16 }, lane));
  return (calls * 1e3) / (performance.now() - startedAt);
}

/** As many VMs as asked for, all there before the first call is measured. */
async function script(language: 'js' | 'lua', vms: number): Promise<Box> {
  tenants += 1;
  const tenant = `tenant ${tenants}`;
  const made = defineScript({
    ...{ name: 'bench', language, source: 'return input' },
    ...{ tenant, pool: { kind: 'static', workers: vms } },
  });
  const resource = scriptHostOf(made);
  resource.hold();
  const call = (input: number): Promise<unknown> => runScript(made, input, { tenant }).result;
  await Promise.all(Array.from({ length: vms }, (_, n) => call(n)));
  return { call, close: () => resource.release() };
}

async function ownThreads(vms: number): Promise<Box> {
  const run = threadHandler<number, unknown>(threadFile, {
    pool: { kind: 'static', workers: vms },
  });
  const resource = resourceOf(run);
  verify(resource !== null, 'a thread handler has its pool');
  resource?.hold();
  const signal = new AbortController().signal;
  const ctx = { runId: 'r', attempt: 1, tenant: 't', lane: null, tags: [], deadlineAt: null };
  const call = (input: number): Promise<unknown> =>
    run(input, { ...ctx, signal, traceparent: null } as unknown as RunContext);
  await Promise.all(Array.from({ length: vms }, (_, n) => call(n)));
  return { call, close: async () => resource?.release() };
}

async function bareIsolates(vms: number): Promise<Box> {
  const { default: ivm } = await import('isolated-vm');
  const all = Array.from({ length: vms }, () => {
    const isolate = new ivm.Isolate({ memoryLimit: 64 });
    const run = isolate.createContextSync().evalSync('(input) => input', { reference: true });
    return { isolate, run };
  });
  let next = 0;
  return {
    async call(input) {
      next += 1;
      return all[next % vms]?.run.apply(undefined, [input]);
    },
    async close() {
      for (const { isolate } of all) isolate.dispose();
    },
  };
}

async function bareLua(vms: number): Promise<Box> {
  const { LuaFactory } = await import('wasmoon');
  const factory = new LuaFactory();
  const all = await Promise.all(
    Array.from({ length: vms }, async () => {
      const engine = await factory.createEngine();
      await engine.doString('function run(input) return input end');
      return { engine, run: engine.global.get('run') as (input: number) => unknown };
    }),
  );
  let next = 0;
  return {
    async call(input) {
      next += 1;
      return all[next % vms]?.run(input);
    },
    async close() {
      for (const { engine } of all) engine.global.close();
    },
  };
}

async function peerThreads(vms: number): Promise<Box> {
  const { Piscina } = await import('piscina');
  const pool = new Piscina({
    ...{ filename: threadFile.href, name: 'run' },
    ...{ minThreads: vms, maxThreads: vms },
  });
  await Promise.all(Array.from({ length: vms }, (_, n) => pool.run(n)));
  return { call: (input) => pool.run(input), close: () => pool.destroy() };
}

/** The processes below this one, which end when they like. */
function below(): ReadonlySet<number> {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      parents.set(pid, Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It has ended meanwhile.
    }
  }
  const isBelow = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at)) {
      if (at === process.pid) return true;
    }
    return false;
  };
  return new Set([...parents.keys()].filter((pid) => pid !== process.pid && isBelow(pid)));
}

/** Memory that is resident in this process and those below it, without some of them. */
function residentMb(without: ReadonlySet<number>): number {
  let kib = residentKib(process.pid);
  for (const pid of below()) if (!without.has(pid)) kib += residentKib(pid);
  return (kib * 1_024) / 1e6;
}

function residentKib(pid: number): number {
  try {
    return (
      Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) || 0
    );
  } catch {
    return 0;
  }
}
