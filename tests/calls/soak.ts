/**
 * Owns random load on calls: every way of beginning, of ending and of not ending, from several
 * sides at once; and the judgement: each call got one answer, and in the end nothing is left.
 */
import { PassThrough } from 'node:stream';
import {
  type AnyFunction,
  type BatchItem,
  type CallStats,
  defineBatchFunction,
  defineFunction,
  Holdfast,
  type Later,
} from 'holdfast';
import { serveStdio } from 'holdfast/stdio';
import { z } from 'zod';
import { silentLog } from '../../src/ports/log.ts';
import { seededRandom } from '../../src/testing/index.ts';
import { readFrames } from './scene.ts';

/** How much is tried. */
export interface SoakAsk {
  readonly seed: number;
  readonly seconds: number;
  readonly say?: (line: string) => void;
}

/** What came of it. */
export interface SoakReport {
  readonly calls: number;
  readonly answers: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly faults: readonly string[];
  readonly stats: CallStats;
  /** Bytes of heap in use at the beginning and at the end, after a collection if there is one. */
  readonly heap: readonly [number, number];
}

const callers = 64;
const uids = 200;

/** Calls, and judges. */
export async function soak({ seed, seconds, say }: SoakAsk): Promise<SoakReport> {
  const random = seededRandom(seed);
  const below = (n: number): number => Math.floor(random.next() * n);
  const laters: Later[] = [];
  const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
  const turns = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n += 1) await turn();
  };
  const lane = (input: unknown): string => `lane-${JSON.stringify(input).length % 50}`;
  const terms = { timeouts: { graceMs: 20 } };
  const functions: readonly AnyFunction[] = [
    defineFunction({ name: 'echo', run: (input: unknown) => input }),
    defineFunction({ ...terms, name: 'turns', lane, run: () => turns(below(20)) }),
    defineFunction({
      ...{ ...terms, name: 'fails', concurrency: 4 },
      run: async () => {
        await turns(below(5));
        throw new Error('it fails');
      },
    }),
    defineFunction({
      ...{ ...terms, name: 'obeys' },
      run: async (_: unknown, ctx) => {
        while (!ctx.signal.aborted) await turns(5);
        ctx.signal.throwIfAborted();
      },
    }),
    // It ignores its signal for a while.
    defineFunction({ ...terms, name: 'ignores', lane, run: () => turns(200) }),
    defineFunction({
      ...terms,
      name: 'later',
      run: (_: unknown, ctx) => void laters.push(ctx.later()),
    }),
    defineFunction({
      ...{ ...terms, name: 'rated', call: { rateLimit: { max: 3, perMs: 200 } } },
      run: () => turns(below(3)),
    }),
    defineFunction({
      ...{ ...terms, name: 'checked', lane },
      input: z.unknown().refine(async () => {
        await turns(below(5));
        return below(10) > 0;
      }),
      run: () => turns(below(5)),
    }),
    defineBatchFunction({
      ...{ ...terms, name: 'many', batch: { max: 5, waitMs: 2 } },
      run: async (items: readonly BatchItem[]) => {
        await turns(below(10));
        for (const item of items) if (below(5) > 0) item.succeed(item.input);
      },
    }),
  ];
  const names = functions.map(({ name }) => name);
  const calls = {
    slots: 32,
    queueMax: 200,
    tombstoneMs: 200,
    tenant: { runningMax: 20, waitingMax: 60 },
  };
  const hf = await Holdfast.open({ store: 'memory:', functions, calls, log: silentLog });
  hf.calls.intercept({
    name: 'hasty',
    around: (_, next) => (below(20) > 0 ? next() : Promise.race([next(), turns(below(10))])),
  });
  const faults: string[] = [];
  const outcomes: Record<string, number> = {};
  const until = performance.now() + seconds * 1_000;
  const more = (): boolean => performance.now() < until;
  let asked = 0;
  let answers = 0;
  const heapStart = heapUsed();

  const callOne = async (): Promise<void> => {
    asked += 1;
    const controller = new AbortController();
    const words = {
      ...{ timeoutMs: 1 + below(200), tenant: `tenant-${below(5)}`, priority: below(10) },
      ...(below(3) === 0 ? { id: `id-${below(uids)}` } : {}),
      ...(below(2) === 0 ? { signal: controller.signal } : {}),
    };
    const made = hf.call(names[below(names.length)] ?? 'echo', 'x'.repeat(below(100)), words);
    if (below(3) === 0) void turns(below(30)).then(() => controller.abort(new Error('enough')));
    const outcome = await made.then(
      () => 'succeeded',
      (error: { code?: string; message?: string }) => error.code ?? error.message ?? 'failed',
    );
    answers += 1;
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  };
  const caller = async (): Promise<void> => {
    while (more()) {
      await callOne();
      if (below(10) === 0) await turn();
    }
  };
  const answerer = async (): Promise<void> => {
    while (more() || laters.length > 0) {
      const later = laters.splice(below(laters.length + 1), 1)[0];
      if (below(2) === 0) later?.succeed('later');
      else later?.fail(new Error('later, and wrong'));
      await turn();
    }
  };
  /** Puts functions in the place of themselves, under load. */
  const replacer = async (): Promise<void> => {
    while (more()) {
      const fn = functions[below(functions.length)];
      if (fn !== undefined) hf.calls.serve(fn);
      await turns(20);
    }
  };
  const reporter = async (): Promise<void> => {
    let next = performance.now() + 10_000;
    while (more()) {
      if (performance.now() > next) {
        say?.(`${asked} calls, ${answers} answers, ${JSON.stringify(hf.calls.stats())}`);
        next += 10_000;
      }
      await turns(50);
    }
  };
  const stdio = stdioLoad(hf, below, more, turn, names);
  const sides = [answerer(), replacer(), reporter(), stdio];
  await Promise.all([...Array.from({ length: callers }, caller), ...sides]);
  while (laters.length > 0) laters.pop()?.succeed('at last');
  for (let n = 0; n < 2_000 && unsettled(hf.calls.stats()); n += 1) await turn();
  faults.push(...(await stdio));
  const stats = hf.calls.stats();
  const { queued, running, awaiting, stuck, lanes, lanesQuarantined, deadlines } = stats;
  const left = { queued, running, awaiting, stuck, lanes, lanesQuarantined, deadlines };
  for (const [what, count] of Object.entries(left)) {
    if (count !== 0) faults.push(`left: ${count} ${what}`);
  }
  if (asked !== answers) faults.push(`${asked} calls had ${answers} answers`);
  await hf.close();
  return { calls: asked, answers, outcomes, faults, stats, heap: [heapStart, heapUsed()] };
}

/** Code whose call has its answer has its time still: it has a deadline, and a lane. */
const unsettled = ({ queued, running, awaiting, stuck, lanes, deadlines }: CallStats): boolean =>
  queued + running + awaiting + stuck + lanes + deadlines > 0;

function heapUsed(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

/** An agent that sends what it likes; each uid that it opened gets one answer. */
async function stdioLoad(
  hf: Holdfast,
  below: (n: number) => number,
  more: () => boolean,
  turn: () => Promise<void>,
  names: readonly string[],
): Promise<readonly string[]> {
  const [input, output] = [new PassThrough(), new PassThrough()];
  // A byte for each uid: what the judge remembers must not hide what the product does.
  let answered = new Uint8Array(1_024);
  const count = (uid: string): void => {
    const at = Number(uid.slice(1));
    if (at >= answered.length) {
      const grown = new Uint8Array(2 * at);
      grown.set(answered);
      answered = grown;
    }
    answered[at] = (answered[at] ?? 0) + 1;
  };
  let text = '';
  output.on('data', (piece) => {
    text += String(piece);
    const end = text.lastIndexOf('FUNCTION_RESULT_END\n\n');
    if (end === -1) return;
    const whole = end + 'FUNCTION_RESULT_END\n\n'.length;
    for (const { uid } of readFrames(text.slice(0, whole)).results) {
      count(uid);
    }
    text = text.slice(whole);
  });
  const server = serveStdio(hf, { input, output, drainMs: 2_000, log: silentLog });
  const faults: string[] = [];
  let n = 0;
  while (more()) {
    n += 1;
    input.write(`FUNCTION s${n} 1 "${names[below(names.length)]} a b" "0x8" "s"\n`);
    if (below(3) === 0) input.write(`FUNCTION_CANCEL s${n - below(10)}\n`);
    if (below(10) === 0) input.write(`FUNCTION s${n} 1 "echo" "0x8" "s"\nwhat is this\n`);
    await turn();
  }
  input.end('QUIT');
  await server.done;
  for (let at = 1; at <= n; at += 1) {
    const answers = answered[at] ?? 0;
    // One that was sent twice has an answer to each, if the first was over by then.
    if (answers < 1 || answers > 2) faults.push(`s${at} had ${answers} answers`);
  }
  return faults.slice(0, 5);
}
