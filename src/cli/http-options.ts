/**
 * Owns the options of a server as they are written on the command line, for `serve` and `up`.
 */
import type { Command } from 'commander';
import { HoldfastError } from '../core/errors.ts';
import { hostDefault, portDefault } from '../http/address.ts';
import { usageError } from './failure.ts';

/** What `serveHttp` gets of it. Handed to worker processes as JSON. */
export interface HttpOrder {
  readonly host: string;
  readonly port: number;
  readonly allowAnonymous?: boolean;
  readonly corsOrigins: readonly string[];
}

/** The options beside the address. */
export interface HttpWords {
  readonly allowAnonymous?: true;
  readonly allowOrigin?: readonly string[];
}

/** Gives a command the options beside the address. */
export function addHttpOptions(command: Command): Command {
  return command
    .option('--allow-anonymous', 'let everybody do everything over HTTP, without a key')
    .option(
      '--allow-origin <origins...>',
      'origins whose pages may call, such as https://app.example',
    );
}

const portMax = 65_535;

/** `7400`, `127.0.0.1:7400`, `[::1]:7400`, or a host alone. */
export function httpOrderOf(option: string, address: string, words: HttpWords): HttpOrder {
  const [, host = '', port = ''] =
    /^(?:(\[[^\]]+\]|[^:[\]]*):)?(\d{1,5})$/.exec(address) ??
    /^(\[[^\]]+\]|[^:[\]]+)$/.exec(address) ??
    [];
  const number = port === '' ? portDefault : Number(port);
  if ((host === '' && port === '') || number > portMax) {
    throw usageError(
      `${option}: '${address}' is no address`,
      `such as ${hostDefault}:${portDefault}`,
    );
  }
  return {
    host: host === '' ? hostDefault : host,
    port: number,
    ...(words.allowAnonymous === true ? { allowAnonymous: true } : {}),
    corsOrigins: words.allowOrigin ?? [],
  };
}

/** Refuses options of a server where there is none. */
export function refuseHttpWords(words: HttpWords): void {
  if (words.allowAnonymous === undefined && words.allowOrigin === undefined) return;
  throw new HoldfastError('request.invalid', 'options of the HTTP API were given without --http', {
    details: { todo: `give the address, too: --http ${hostDefault}:${portDefault}` },
  });
}
