/**
 * Owns how a command names the server that it asks, instead of a store.
 *
 * S1 The key comes from the environment: everybody on the machine can read a command line.
 */
import type { Command } from 'commander';
import { type Client, ClientError, createClient } from '../client/index.ts';
import { type ErrorCode, errorTable, HoldfastError } from '../core/errors.ts';
import { hostDefault, portDefault } from '../http/address.ts';
import type { Io } from './io.ts';

/** The server as it was named. */
export interface ServerWords {
  readonly server?: string;
}

/** Gives a command the option. */
export const addServerOptions = (command: Command): Command =>
  command.option(
    '--server <url>',
    `the HTTP server (default: HOLDFAST_SERVER, or http://${hostDefault}:${portDefault}); ` +
      'its key is taken from HOLDFAST_KEY',
  );

/** Gives a command that looks into a store the option to ask a server instead. */
export const addServerInstead = (command: Command): Command =>
  command.option(
    '--server <url>',
    'ask this HTTP server instead of a store; its key is taken from HOLDFAST_KEY',
  );

/** A client of that server. */
export function clientOf({ env }: Io, { server }: ServerWords): Client {
  const url = server ?? env.HOLDFAST_SERVER ?? `http://${hostDefault}:${portDefault}`;
  const key = env.HOLDFAST_KEY ?? '';
  return createClient({ url, ...(key === '' ? {} : { key }) });
}

/** What a server was asked for. What it refuses fails as it would without a server. */
export async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    const { code, message, details } = error;
    if (isErrorCode(code)) throw new HoldfastError(code, message, { details });
    const todo = 'is it there? holdfast up <app> --http <address>, and --server with its URL';
    throw new HoldfastError('http.busy', message, { details: { todo }, cause: error });
  }
}

const isErrorCode = (code: string): code is ErrorCode => code in errorTable;
