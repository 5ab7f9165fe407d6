/** Owns `holdfast serve`: the HTTP API in a process of its own, which executes nothing. */
import type { Command } from 'commander';
import { Option } from 'commander';
import { hostDefault, portDefault } from '../../http/address.ts';
import { type LogLevel, logLevels } from '../../ports/log.ts';
import { loadApp } from '../app-module.ts';
import { parseDuration } from '../duration.ts';
import { addHttpOptions, type HttpWords, httpOrderOf } from '../http-options.ts';
import { lineLog } from '../line-log.ts';
import { mustExist, printerOf, type Session, storeOf } from '../session.ts';

interface Options extends HttpWords {
  readonly listen: string;
  readonly grace: string;
  readonly log: LogLevel;
}

export function addServe(program: Command, session: Session): void {
  const command = program
    .command('serve')
    .summary('serve the HTTP API without executing anything')
    .description(
      'serve the HTTP API on a store, until Ctrl-C or SIGTERM; nothing is executed here. With an ' +
        'app module, inputs are checked and lanes computed by its definitions',
    );
  command
    .argument('[app]', 'the module with the functions, such as app.ts')
    .option('--listen <address>', 'host and port', `${hostDefault}:${portDefault}`);
  addHttpOptions(command)
    .option('--grace <duration>', 'how long requests may go on when stopped', '10s')
    .addOption(
      new Option('--log <level>', 'least important lines to log')
        .choices(logLevels)
        .default('warn'),
    )
    .action((app: string | undefined, options: Options) => serve(session, command, app, options));
}

async function serve(
  session: Session,
  command: Command,
  app: string | undefined,
  options: Options,
): Promise<void> {
  const { io } = session;
  const print = printerOf(session, command);
  const order = httpOrderOf('--listen', options.listen, options);
  const graceMs = parseDuration('--grace', options.grace);
  const { option: store } = storeOf(session, command);
  if ('path' in store) await mustExist(store.path);
  const log = lineLog(io, options.log, print.json);
  const functions = app === undefined ? [] : await loadApp(app);
  const { Holdfast } = await import('../../holdfast.ts');
  const { serveHttp } = await import('../../http/index.ts');
  const hf = await Holdfast.open({ store, functions, execute: false, log });
  try {
    const server = await serveHttp(hf, { ...order, log });
    if (print.json) print.record({ event: 'serving', url: server.url, pid: process.pid });
    else print.line(`serving ${server.url}/api/v1 (pid ${process.pid})`);
    const stop = Promise.withResolvers<void>();
    process.once('SIGINT', () => stop.resolve());
    process.once('SIGTERM', () => stop.resolve());
    await stop.promise;
    await server.close({ graceMs });
  } finally {
    await hf.close();
  }
}
