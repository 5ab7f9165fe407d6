/**
 * Owns `holdfast call`: calling a function of a server's process, or of an app module in this one.
 */
import type { Command } from 'commander';
import { silentLog } from '../../ports/log.ts';
import type { CallWords } from '../../runtime/calls/calls.ts';
import { loadApp } from '../app-module.ts';
import { parseDuration } from '../duration.ts';
import { usageError } from '../failure.ts';
import { harmless } from '../printer.ts';
import { addServerOptions, asked, clientOf, type ServerWords } from '../server-options.ts';
import { printerOf, type Session } from '../session.ts';
import { parseNumber, readJson } from '../words.ts';

interface Options extends ServerWords {
  readonly app?: string;
  readonly timeout?: string;
  readonly id?: string;
  readonly tenant?: string;
  readonly priority?: string;
  readonly lane?: string;
  readonly route?: string;
}

export function addCall(program: Command, session: Session): void {
  const command = program
    .command('call')
    .summary('call a function and print its result')
    .description(
      'call a function of a process that serves HTTP (holdfast up --http) and print its result; ' +
        'nothing is stored, and it is tried once. With --app it is called in this process',
    );
  command
    .argument('<function>', 'its name')
    .argument('[input]', 'JSON, @file, or - for standard input', 'null')
    .option('--app <module>', 'call it here, as this module defines it');
  addServerOptions(command)
    .option('--timeout <duration>', 'how long it may take')
    .option('--id <id>', 'no other call has the id, nor has had it for a minute')
    .option('--tenant <tenant>', 'for whom it is executed')
    .option('--priority <seconds>', 'head start over others, -3600 to 3600')
    .option('--lane <key>', 'calls of one lane execute one after the other')
    .option('--route <word>', 'finds the function of a name that has several')
    .action(async (name: string, text: string, options: Options) => {
      const print = printerOf(session, command);
      const input = await readJson(session.io, text);
      const words = callWords(options);
      const result = await (options.app === undefined
        ? asked(clientOf(session.io, options).call(name, input, words))
        : callHere(options.app, name, input, words));
      if (print.json) return print.document({ result: result ?? null });
      print.line(
        harmless(typeof result === 'string' ? result : JSON.stringify(result ?? null, null, 2)),
      );
    });
}

async function callHere(
  app: string,
  name: string,
  input: unknown,
  words: CallWords,
): Promise<unknown> {
  const functions = await loadApp(app);
  if (!functions.some((fn) => fn.name === name)) {
    const names = functions.map((fn) => fn.name).join(', ');
    throw usageError(`'${app}' exports no function '${name}'`, `it exports: ${names}`);
  }
  const { Holdfast } = await import('../../holdfast.ts');
  const hf = await Holdfast.open({ store: 'memory:', functions, log: silentLog });
  try {
    return await hf.call(name, input, words);
  } finally {
    await hf.close();
  }
}

function callWords({ timeout, id, tenant, priority, lane, route }: Options): CallWords {
  return {
    ...(timeout === undefined ? {} : { timeoutMs: parseDuration('--timeout', timeout) }),
    ...(id === undefined ? {} : { id }),
    ...(tenant === undefined ? {} : { tenant }),
    ...(priority === undefined ? {} : { priority: parseNumber('--priority', priority) }),
    ...(lane === undefined ? {} : { lane }),
    ...(route === undefined ? {} : { route }),
  };
}
