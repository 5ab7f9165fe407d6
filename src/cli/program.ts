/**
 * Owns the command line as a whole: its name, its options, its commands, and how it ends.
 *
 * G1 Nothing here ends the process: a call gives an exit code, so that it can be tested.
 * G2 A command is one file; it loads the runtime when it acts, not when it is described.
 */
import { Command, CommanderError } from 'commander';
import { packageVersion } from '../runtime/version.ts';
import { addCall } from './commands/call.ts';
import { addCancel } from './commands/cancel.ts';
import { addChildren } from './commands/children.ts';
import { addDead } from './commands/dead.ts';
import { addApprove, addReject } from './commands/decide.ts';
import { addDoctor } from './commands/doctor.ts';
import { addEmit } from './commands/emit.ts';
import { addExplain } from './commands/explain.ts';
import { addFork } from './commands/fork.ts';
import { addFunctions } from './commands/functions.ts';
import { addKeys } from './commands/keys.ts';
import { addLanes } from './commands/lanes.ts';
import { addLogs } from './commands/logs.ts';
import { addLs } from './commands/ls.ts';
import { addMigrate } from './commands/migrate.ts';
import { addNodes } from './commands/nodes.ts';
import { addParts } from './commands/parts.ts';
import { addPause, addResume } from './commands/pause.ts';
import { addPrune } from './commands/prune.ts';
import { addRepin } from './commands/repin.ts';
import { addRetry } from './commands/retry.ts';
import { addRunScript } from './commands/run-script.ts';
import { addServe } from './commands/serve.ts';
import { addShow } from './commands/show.ts';
import { addSignal } from './commands/signal.ts';
import { addStart } from './commands/start.ts';
import { addState } from './commands/state.ts';
import { addStdio } from './commands/stdio.ts';
import { addSteps } from './commands/steps.ts';
import { addTenants } from './commands/tenants.ts';
import { addTop } from './commands/top.ts';
import { addUp } from './commands/up.ts';
import { addWorker } from './commands/worker.ts';
import { showFailure } from './failure.ts';
import type { Io } from './io.ts';
import type { Session } from './session.ts';

/** In the order of the help text, by what they are for. */
const groups: Readonly<Record<string, readonly ((program: Command, session: Session) => void)[]>> =
  {
    'Execute:': [addUp, addServe, addStart, addRunScript, addCall, addStdio],
    'Look:': [
      ...[addLs, addShow, addExplain, addSteps, addChildren, addLogs, addParts],
      ...[addState, addFunctions, addLanes, addNodes, addTop],
    ],
    'Act:': [
      ...[addCancel, addRetry, addRepin, addFork, addSignal, addEmit, addApprove, addReject],
      ...[addDead, addPause, addResume, addTenants],
    ],
    'Care:': [addKeys, addDoctor, addPrune, addMigrate],
    'Help:': [addWorker],
  };

/** The program with all its commands. */
export function buildProgram(session: Session): Command {
  const { io } = session;
  const program = new Command('holdfast')
    .description('durable runs with one owner and one result')
    .version(packageVersion(), '--version', 'print the version')
    .option('--store <store>', 'a file, or postgres://... (default: HOLDFAST_STORE)')
    .option('--json', 'print JSON')
    .helpOption('-h, --help', 'print this help')
    .configureHelp({ showGlobalOptions: true, subcommandTerm: (command) => command.name() })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out.write(text),
      writeErr: (text) => io.err.write(text),
      // Mistakes are shown where all failures are shown.
      outputError: () => {},
      getOutHelpWidth: () => io.out.columns ?? helpColumns,
      getErrHelpWidth: () => io.err.columns ?? helpColumns,
      getOutHasColors: () => io.out.hasColour,
      getErrHasColors: () => io.err.hasColour,
    });
  for (const [group, commands] of Object.entries(groups)) {
    program.commandsGroup(group);
    for (const add of commands) add(program, session);
  }
  return program.helpCommand('help [command]', 'print the help of a command');
}

const helpColumns = 80;

/** Executes one command line (without program and script) and gives the exit code. */
export async function runProgram(io: Io, words: readonly string[]): Promise<number> {
  const session: Session = { io, exit: 0 };
  const program = buildProgram(session);
  try {
    if (words.length === 0) {
      program.outputHelp({ error: true });
      return 2;
    }
    await program.parseAsync(words, { from: 'user' });
    return session.exit;
  } catch (error) {
    // Help and version were printed: that is what was asked for.
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    return showFailure(io, asksForJson(words), error);
  }
}

/** Also for a line that could not be read to its end. */
const asksForJson = (words: readonly string[]): boolean => {
  const end = words.indexOf('--');
  return words.slice(0, end === -1 ? undefined : end).includes('--json');
};
