/**
 * Owns what all commands share: where the store is, how to speak, and the runtime that looks into
 * the store without executing anything.
 *
 * S1 The runtime is loaded when a command needs it, so that help, mistakes and `--version` are
 *    quick.
 * S2 Looking never creates: a path without a store is a mistake, not an empty store.
 */
import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { HoldfastError } from '../core/errors.ts';
import type { Holdfast } from '../holdfast.ts';
import { usageError } from './failure.ts';
import type { Io } from './io.ts';
import type { Printer } from './printer.ts';
import { printer } from './printer.ts';

/** Options of the program itself, which every command takes. */
interface GlobalOptions {
  readonly store?: string;
  readonly json?: boolean;
}

/** One call of the command line. */
export interface Session {
  readonly io: Io;
  /** What the process exits with when nothing fails. */
  exit: number;
}

/** Speaks as the command was asked to. */
export const printerOf = (session: Session, command: Command): Printer =>
  printer(session.io, command.optsWithGlobals<GlobalOptions>().json === true);

/** The path of the store, from the option or the environment. */
export function storePathOf(session: Session, command: Command): string {
  const { store = session.io.env.HOLDFAST_STORE ?? '' } = command.optsWithGlobals<GlobalOptions>();
  const path = store.replace(/^sqlite:/, '');
  if (path === '') {
    throw usageError('no store was given', 'name it: --store ./app.db, or set HOLDFAST_STORE');
  }
  if (path === 'memory:') {
    const message =
      "a 'memory:' store lives inside one process; the command line cannot see into it";
    throw usageError(message, 'name a file: --store ./app.db');
  }
  return path;
}

/** What a command gets to work with. */
export interface Looking {
  readonly hf: Holdfast;
  readonly print: Printer;
  readonly store: string;
}

/** Opens the store (`creates`: or makes one), lets the command work, and closes it in any case. */
export async function withStore(
  session: Session,
  command: Command,
  body: (looking: Looking) => Promise<void>,
  { creates = false } = {},
): Promise<void> {
  const store = storePathOf(session, command);
  if (!creates) await mustExist(store);
  const { Holdfast } = await import('../holdfast.ts');
  const print = printerOf(session, command);
  const hf = await Holdfast.open({ store: { path: store }, execute: false });
  try {
    await body({ hf, print, store });
  } finally {
    print.settle();
    await hf.close();
  }
}

async function mustExist(path: string): Promise<void> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => error);
  if (!(found instanceof Error) || found.code !== 'ENOENT') return;
  throw new HoldfastError('store.bad_path', `there is no store at '${path}'`, {
    details: { path, todo: 'check the path; holdfast up <app> creates a store' },
  });
}
