/**
 * Owns the thread of a trusted module: the entry point of a worker, started by `ThreadVm` only.
 *
 * E1 The module is loaded once; each call is one call of the function `run` that it exports.
 * E2 What the handler emits and logs goes out at once. Between calls the event loop is free, so
 *    that an abort arrives wherever the handler lets it.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { HoldfastError } from '../../core/errors.ts';
import type { LogLevel } from '../../ports/log.ts';
import type { ThreadContext } from './thread-context.ts';
import { receiveThrown, sendThrown } from './thread-fault.ts';
import type { ThreadOrder, ThreadSetup, ThreadWord } from './thread-wire.ts';

type Run = Extract<ThreadOrder, { order: 'run' }>;
type Handler = (input: unknown, ctx: ThreadContext) => unknown;

async function serve(port: MessagePort): Promise<void> {
  const { module } = workerData as ThreadSetup;
  const say = (word: ThreadWord): void => port.postMessage(word);
  let handler: Handler;
  try {
    const loaded = (await import(module)) as { readonly run?: unknown };
    if (typeof loaded.run !== 'function') throw new Error('it exports no function `run`');
    handler = loaded.run as Handler;
  } catch (error) {
    say({ word: 'refused', message: sendThrown(error).message });
    return;
  }
  let current: { readonly call: number; readonly controller: AbortController } | null = null;
  port.on('message', (order: ThreadOrder) => {
    if (order.order === 'abort') {
      if (current?.call === order.call) current.controller.abort(receiveThrown(order.fault));
      return;
    }
    const controller = new AbortController();
    current = { call: order.call, controller };
    void execute(handler, order, controller.signal, say);
  });
  say({ word: 'ready' });
}

async function execute(
  handler: Handler,
  { call, input, facts }: Run,
  signal: AbortSignal,
  say: (word: ThreadWord) => void,
): Promise<void> {
  const line =
    (level: LogLevel): ThreadContext['log'][LogLevel] =>
    (message, fields) =>
      say({ word: 'line', call, level, message, fields });
  const context: ThreadContext = {
    ...facts,
    signal,
    log: { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') },
    progress: (value) => say({ word: 'progress', call, value }),
    emit: (part) => say({ word: 'part', call, part }),
  };
  try {
    const value = await handler(input, context);
    say({ word: 'done', call, value });
  } catch (error) {
    say({ word: 'failed', call, fault: sendThrown(error) });
  }
}

if (parentPort === null) {
  throw new HoldfastError('internal.defect', 'this file is a worker, no program');
}
void serve(parentPort);
