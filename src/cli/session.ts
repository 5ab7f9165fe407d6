/**
 * Owns what all commands share: where the store is, how to speak, and the runtime that looks into
 * the store without executing anything.
 *
 * S1 The runtime is loaded when a command needs it, so that help, mistakes and `--version` are
 *    quick.
 * S2 Looking never creates: a path or a database without a store is a mistake, not an empty store.
 * S3 The address of a store may hold a password: what was given as the store is never shown, unless
 *    it is the path of a file.
 */
import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { HoldfastError } from '../core/errors.ts';
import type { Holdfast } from '../holdfast.ts';
import { isPostgres, type StoreOption, schemeOf } from '../runtime/store-place.ts';
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

/** A store as it was named, and as `Holdfast.open` takes it. */
export interface StoreChoice {
  /** A path or an address, for the environment of a worker. Never shown (S3). */
  readonly words: string;
  readonly option: Exclude<StoreOption, string>;
}

/** The store, from the option or the environment. */
export function storeOf(session: Session, command: Command): StoreChoice {
  const { store = session.io.env.HOLDFAST_STORE ?? '' } = command.optsWithGlobals<GlobalOptions>();
  return choiceOf(store);
}

/** The store that the words name (S3). */
export function choiceOf(words: string): StoreChoice {
  if (words === '') throw usageError('no store was given', todo);
  if (words === 'memory:') {
    const message =
      "a 'memory:' store lives inside one process; the command line cannot see into it";
    throw usageError(message, todo);
  }
  const scheme = schemeOf(words);
  if (isPostgres(scheme)) return { words, option: { url: words } };
  if (scheme !== null && scheme !== 'sqlite') {
    throw usageError(`a store of the kind '${scheme}:' is not known`, todo);
  }
  const path = words.replace(/^sqlite:/, '');
  if (path === '') throw usageError('no store was given', todo);
  return { words: path, option: { path } };
}

const todo = 'name it: --store ./app.db or postgres://..., or set HOLDFAST_STORE';

/** What a command gets to work with. */
export interface Looking {
  readonly hf: Holdfast;
  readonly print: Printer;
}

/** Opens the store (`creates`: or makes one), lets the command work, and closes it in any case. */
export async function withStore(
  session: Session,
  command: Command,
  body: (looking: Looking) => Promise<void>,
  { creates = false } = {},
): Promise<void> {
  const { option } = storeOf(session, command);
  if (!creates && 'path' in option) await mustExist(option.path);
  const { Holdfast } = await import('../holdfast.ts');
  const print = printerOf(session, command);
  const store = 'url' in option && !creates ? { ...option, migrate: false } : option;
  const hf = await Holdfast.open({ store, execute: false });
  try {
    await body({ hf, print });
  } finally {
    print.settle();
    await hf.close();
  }
}

/** S2 */
export async function mustExist(path: string): Promise<void> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => error);
  if (!(found instanceof Error) || found.code !== 'ENOENT') return;
  throw new HoldfastError('store.bad_path', `there is no store at '${path}'`, {
    details: { path, todo: 'check the path; holdfast up <app> creates a store' },
  });
}
