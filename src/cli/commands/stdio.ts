/**
 * Owns `holdfast stdio`: the functions of an app module, served to the agent that started us.
 *
 * T1 Standard output belongs to the protocol: what the app prints goes to standard error.
 * T2 An agent that does not read must not keep us from hearing it: nothing is written
 *    to a pipe in a way that blocks the process.
 */
import { Console } from 'node:console';
import type { Command } from 'commander';
import { Option } from 'commander';
import { type LogLevel, logLevels } from '../../ports/log.ts';
import { loadApp } from '../app-module.ts';
import { parseDuration } from '../duration.ts';
import { lineLog } from '../line-log.ts';
import type { Session } from '../session.ts';

interface Options {
  readonly compat?: true;
  readonly grace: string;
  readonly log: LogLevel;
}

export function addStdio(program: Command, session: Session): void {
  const command = program
    .command('stdio')
    .summary('serve an app module to an agent on standard input and output')
    .description(
      'serve the functions of an app module to the agent that started this process, over the ' +
        'line protocol of plugins on standard input and output, until it says QUIT or closes them',
    );
  command
    .argument('<app>', 'the module, such as app.ts')
    .option('--compat', 'obey cancels, progress and QUIT within bodies, as older agents expect')
    .option('--grace <duration>', 'how long calls may go on when the agent leaves', '8s')
    .addOption(
      new Option('--log <level>', 'least important lines to log')
        .choices(logLevels)
        .default('warn'),
    )
    .action((app: string, options: Options) => serve(session, app, options));
}

async function serve(session: Session, app: string, options: Options): Promise<void> {
  const drainMs = parseDuration('--grace', options.grace);
  const log = lineLog(session.io, options.log, false);
  globalThis.console = new Console(process.stderr, process.stderr);
  const functions = await loadApp(app);
  const { Holdfast } = await import('../../holdfast.ts');
  const { serveStdio } = await import('../../stdio/index.ts');
  const hf = await Holdfast.open({ store: 'memory:', functions, drainGraceMs: 0, log });
  try {
    const compat = options.compat === true;
    const server = serveStdio(hf, { compat, drainMs, log });
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => void server.stop());
    }
    const end = await server.done;
    if (end === 'write-failed') session.exit = 1;
  } finally {
    await hf.close();
  }
}
