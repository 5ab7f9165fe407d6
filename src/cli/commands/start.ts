/**
 * Owns `holdfast start`: accepting one run, and with --wait its result.
 *
 * With the app module at hand (`--app`) the input is checked by its schema, and lane, tenant, retry
 * and timeouts are those of the definition. Without it the terms are those that the function's
 * nodes told the store; its schema is not at hand, and the command says so.
 */
import type { Command } from 'commander';
import { nearest } from '../../core/check.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { AnyFunction } from '../../define-function.ts';
import type { StartHow } from '../../ports/store-flow.ts';
import type { StartOptions } from '../../runtime/start-item.ts';
import { parseDuration } from '../duration.ts';
import { usageError } from '../failure.ts';
import { harmless } from '../printer.ts';
import type { Looking, Session } from '../session.ts';
import { withStore } from '../session.ts';
import { collect, parseCount, parseNumber, readJson } from '../words.ts';

interface Options {
  readonly app?: string;
  readonly wait?: boolean;
  readonly timeout?: string;
  readonly id?: string;
  readonly tenant?: string;
  readonly priority?: string;
  readonly lane?: string;
  readonly laneWidth?: string;
  readonly delay?: string;
  readonly deadline?: string;
  readonly tag?: readonly string[];
  readonly flowKey?: string;
}

export function addStart(program: Command, session: Session): void {
  const command = program.command('start').description('start a run of a function');
  command
    .argument('<function>', 'its name')
    .argument('[input]', 'JSON, @file, or - for standard input', 'null')
    .option('--app <module>', 'the module that defines it (default: HOLDFAST_APP)')
    .option('--wait', 'wait for the end and print the result')
    .option('--timeout <duration>', 'with --wait: how long to wait; the run goes on')
    .option('--id <id>', 'starting the same id again is the same run')
    .option('--tenant <tenant>', 'for whom it runs')
    .option('--priority <seconds>', 'head start over others, -3600 to 3600')
    .option('--lane <key>', 'runs of one lane execute one after the other')
    .option('--lane-width <count>', 'with --lane: how many of the lane at once')
    .option('--delay <duration>', 'not before so long from now')
    .option('--deadline <duration>', 'ended by so long from now, or it has timed out')
    .option('--tag <tag>', 'a word to find it by; can be given several times', collect)
    .option('--flow-key <key>', 'the key of flow control, where the function computes it')
    .action(async (name: string, text: string, options: Options) => {
      const input = await readJson(session.io, text);
      const given = startOptions(options);
      const waits = waitOptions(options);
      const app = options.app ?? session.io.env.HOLDFAST_APP ?? '';
      const fn = app === '' ? null : await definitionOf(app, name);
      await withStore(
        session,
        command,
        (looking) => start(looking, fn, name, input, given, waits),
        { creates: fn !== null },
      );
    });
}

/** Why a start made no new run. */
const notCreated: Readonly<Record<StartHow, string>> = {
  created: '',
  'same-id': 'a run of that id was there already',
  debounced: 'it was merged into a run that waits for its quiet time',
  unique: 'there is a run of its key already',
};

const nameOnly = 'started by name alone: without --app the input is checked when it executes';

async function start(
  { hf, print }: Looking,
  fn: AnyFunction | null,
  name: string,
  input: unknown,
  given: StartOptions,
  waits: { readonly timeoutMs?: number } | null,
): Promise<void> {
  const run = await (fn === null
    ? hf.start(name, input, given)
    : hf.start(fn, input as never, given));
  if (fn === null) print.note(nameOnly);
  const { id, created, how } = run;
  if (!created) print.note(notCreated[how ?? 'same-id']);
  if (waits === null) {
    if (print.json) print.document({ id, created, how });
    else print.line(id);
    return;
  }
  if (!print.json) print.note(`run ${id}`);
  const result = await run.result(waits);
  if (print.json) return print.document({ id, created, how, result });
  print.line(harmless(typeof result === 'string' ? result : JSON.stringify(result, null, 2)));
}

/** The definition of that name in the app module. */
async function definitionOf(app: string, name: string): Promise<AnyFunction> {
  const { loadApp } = await import('../app-module.ts');
  const functions = await loadApp(app);
  const found = functions.find((fn) => fn.name === name);
  if (found !== undefined) return found;
  const names = functions.map((fn) => fn.name);
  const near = nearest(name, names);
  throw new HoldfastError('function.unknown', `'${app}' exports no function '${name}'`, {
    details: {
      name,
      todo: near === null ? `it exports: ${names.join(', ')}` : `did you mean '${near}'?`,
    },
  });
}

function waitOptions({ wait, timeout }: Options): { readonly timeoutMs?: number } | null {
  if (wait !== true && timeout !== undefined) {
    throw usageError('--timeout was given without --wait', 'add --wait');
  }
  if (wait !== true) return null;
  return timeout === undefined ? {} : { timeoutMs: parseDuration('--timeout', timeout) };
}

function startOptions(options: Options): StartOptions {
  const { id, tenant, priority, lane, laneWidth, delay, deadline, tag, flowKey } = options;
  if (laneWidth !== undefined && lane === undefined) {
    throw usageError('--lane-width was given without --lane', 'add --lane <key>');
  }
  const width = laneWidth === undefined ? null : parseCount('--lane-width', laneWidth, 1, 1_000);
  return {
    ...(id === undefined ? {} : { id }),
    ...(tenant === undefined ? {} : { tenant }),
    ...(priority === undefined ? {} : { priority: parseNumber('--priority', priority) }),
    ...(lane === undefined ? {} : { lane: width === null ? lane : { key: lane, width } }),
    ...(delay === undefined ? {} : { delayMs: parseDuration('--delay', delay) }),
    ...(deadline === undefined ? {} : { deadlineMs: parseDuration('--deadline', deadline) }),
    ...(tag === undefined ? {} : { tags: tag }),
    ...(flowKey === undefined ? {} : { flowKey }),
  };
}
