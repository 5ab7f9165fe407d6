/** Owns `holdfast up`: worker processes that host the functions of an app module. */
import { hostname } from 'node:os';
import type { Command } from 'commander';
import { Option } from 'commander';
import { type LogLevel, logLevels } from '../../ports/log.ts';
import { formatDuration, formatMoment, parseDuration } from '../duration.ts';
import { addHttpOptions, type HttpWords, httpOrderOf, refuseHttpWords } from '../http-options.ts';
import type { Io } from '../io.ts';
import type { Printer } from '../printer.ts';
import { harmlessLine } from '../printer.ts';
import type { Session } from '../session.ts';
import { printerOf, storeOf } from '../session.ts';
import type { SupervisorEvent } from '../up/supervisor.ts';
import { parseCount } from '../words.ts';

interface Options extends HttpWords {
  readonly http?: string;
  readonly workers: string;
  readonly slots?: string;
  readonly durability: 'full' | 'relaxed';
  readonly name: string;
  readonly grace: string;
  readonly log: LogLevel;
}

const workersMax = 256;
const slotsMax = 10_000;

export function addUp(program: Command, session: Session): void {
  const command = program
    .command('up')
    .summary('execute the functions of an app module')
    .description('execute the functions that an app module exports, until Ctrl-C or SIGTERM');
  addHttpOptions(command)
    .option('--http <address>', 'serve the HTTP API from the first process: 127.0.0.1:7400')
    .argument('<app>', 'the module, such as app.ts')
    .option('--workers <count>', 'how many processes', '1')
    .option('--slots <count>', 'how many runs at once in each process (default: 16)')
    .addOption(
      new Option('--durability <class>', 'what a commit survives: a power cut, or a process crash')
        .choices(['full', 'relaxed'])
        .default('full'),
    )
    .addOption(
      new Option('--name <name>', 'name of the nodes, before their number').default(
        hostname(),
        'the host',
      ),
    )
    .option('--grace <duration>', 'how long running work may go on when stopped', '30s')
    .addOption(
      new Option('--log <level>', 'least important lines to log')
        .choices(logLevels)
        .default('warn'),
    )
    .action(async (app: string, options: Options) => {
      const print = printerOf(session, command);
      const graceMs = parseDuration('--grace', options.grace);
      const order = {
        app,
        durability: options.durability,
        slots:
          options.slots === undefined ? null : parseCount('--slots', options.slots, 1, slotsMax),
        graceMs,
        logLevel: options.log,
        json: print.json,
      };
      if (options.http === undefined) refuseHttpWords(options);
      const http = options.http === undefined ? null : httpOrderOf('--http', options.http, options);
      const { words: store } = storeOf(session, command);
      const workers = parseCount('--workers', options.workers, 1, workersMax);
      const { Supervisor } = await import('../up/supervisor.ts');
      const { startWorker } = await import('../up/worker-process.ts');
      const supervisor = new Supervisor({
        workers,
        graceMs,
        clock: session.io.clock,
        spawn: (n, events) =>
          startWorker(
            { ...order, node: `${options.name}-${n}`, http: n === 1 ? http : null },
            store,
            events,
          ),
        say: (event) => tell(session.io, print, event),
      });
      process.on('SIGINT', () => supervisor.stop(130));
      process.on('SIGTERM', () => supervisor.stop(143));
      session.exit = await supervisor.run();
    });
}

/** One line an event. */
function tell({ clock }: Io, print: Printer, event: SupervisorEvent): void {
  const at = formatMoment(clock.wall());
  if (print.json) print.record({ at, ...event });
  else print.line(`${print.style('dim', at)} ${harmlessLine(sentence(event))}`);
}

function sentence(event: SupervisorEvent): string {
  switch (event.event) {
    case 'started':
      return `worker ${event.worker} started (pid ${event.pid})`;
    case 'ready': {
      const { worker, node, functions, slots, http } = event;
      const serves = http === null ? '' : `; serves ${http}/api/v1`;
      const what = `${slots} slots, ${functions.join(', ')}${serves}`;
      return `worker ${worker} is ready: node ${node}, ${what}`;
    }
    case 'ended': {
      const { worker, pid, code, signal, restartInMs, message } = event;
      const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
      const why = message === null ? '' : `: ${message}`;
      const then = restartInMs === null ? '' : `; starts again in ${formatDuration(restartInMs)}`;
      return `worker ${worker} (pid ${pid}) ended ${how}${why}${then}`;
    }
    case 'draining':
      return (
        `draining ${event.workers} workers: running work has ${formatDuration(event.graceMs)}; ` +
        'once more to stop at once'
      );
    case 'killing':
      return `killing worker ${event.worker} (pid ${event.pid})`;
  }
}
