/**
 * Owns the options of a server: what they are, what they may be, and their defaults.
 *
 * P1 A wrong option is refused before anything listens.
 * P2 The default is closed: loopback, no foreign origin, and keys wherever others can reach it.
 */
import { checkNumber, checkOptions, checkWhole, checkWord, invalid } from '../core/check.ts';
import { limits } from '../core/limits.ts';
import { standardRedactor } from '../core/redact.ts';
import type { Log } from '../ports/log.ts';
import { stderrLog } from '../runtime/log/own-log.ts';
import { redactingLog } from '../runtime/log/redacting-log.ts';
import { hostDefault, isLoopback, portDefault } from './address.ts';

/** What `serveHttp` takes beside the runtime. */
export interface HttpOptions {
  /** Where to listen. Default `127.0.0.1`. Any other than loopback needs keys. */
  readonly host?: string;
  /** Default 7400; 0: any that is free. */
  readonly port?: number;
  /**
   * Whether requests without a key may do everything. Default: on loopback, while the store has no
   * key. `true` opens it wherever it listens; `false` asks for a key on loopback, too.
   */
  readonly allowAnonymous?: boolean;
  /** Origins whose pages may call, such as `https://app.example`. Default: none (no CORS). */
  readonly corsOrigins?: readonly string[];
  /** Names by which loopback may be called without a key, beside its own. */
  readonly hostNames?: readonly string[];
  /** Bytes of one request body. Default 4 MiB. */
  readonly bodyBytesMax?: number;
  /** How long a request may take to arrive whole, in ms. Default 30,000. */
  readonly requestTimeoutMs?: number;
  /** Connections at once; further ones are closed at once. Default 1,000. */
  readonly connectionsMax?: number;
  /** Requests under way at once, on all connections. Default 2,000. */
  readonly requestsMax?: number;
  /** Streams open at once. Default 256. */
  readonly streamsMax?: number;
  /** A reader who takes nothing of an answer for so many ms is dropped. Default 30,000. */
  readonly streamStallMs?: number;
  /** Between two signs of life on a silent stream, in ms. Default 15,000. */
  readonly streamBeatMs?: number;
  /**
   * What `/metrics` tells: of the store and this process (`all`, the default), of this `process`
   * alone, or nothing at all (`off`).
   */
  readonly metrics?: 'all' | 'process' | 'off';
  /** Where the server says what it does: at `debug`, a line a request. Default: as the runtime. */
  readonly log?: Log;
}

/** The options with all defaults. */
export interface HttpSettings {
  readonly host: string;
  readonly port: number;
  readonly loopback: boolean;
  /** Null: as long as the store has no key (loopback only). */
  readonly allowAnonymous: boolean | null;
  readonly corsOrigins: ReadonlySet<string>;
  readonly hostNames: ReadonlySet<string>;
  readonly bodyBytesMax: number;
  readonly requestTimeoutMs: number;
  readonly connectionsMax: number;
  readonly requestsMax: number;
  readonly streamsMax: number;
  readonly streamStallMs: number;
  readonly streamBeatMs: number;
  readonly metrics: 'all' | 'process' | 'off';
  readonly log: Log;
}

const portMax = 65_535;
const hourMs = 3_600_000;
const namesMax = 100;
const bodyBytesDefault = 4 * 1_048_576;
const bodyBytesCap = 64 * limits.inputBytesMax;

const names = [
  ...['host', 'port', 'allowAnonymous', 'corsOrigins', 'hostNames', 'bodyBytesMax'],
  ...['requestTimeoutMs', 'connectionsMax', 'requestsMax', 'streamsMax', 'streamStallMs'],
  ...['streamBeatMs', 'metrics', 'log'],
];

/** Checks the options and fills in what was not said. */
export function httpSettings(options: HttpOptions): HttpSettings {
  checkOptions('serveHttp', options, names);
  const { host = hostDefault, log = stderrLog, allowAnonymous = null } = options;
  if (typeof host !== 'string' || host === '') throw invalid('host', host, 'give a name');
  if (typeof log?.log !== 'function') throw invalid('log', log, 'it must have a log method');
  if (allowAnonymous !== null && typeof allowAnonymous !== 'boolean') {
    throw invalid('allowAnonymous', allowAnonymous, 'it must be a boolean');
  }
  const loopback = isLoopback(host);
  const whole = (name: keyof HttpOptions, standard: number, min: number, max: number): number =>
    checkWhole(name, options[name] ?? standard, min, max);
  const timeout = options.requestTimeoutMs ?? 30_000;
  return {
    host,
    loopback,
    port: whole('port', portDefault, 0, portMax),
    allowAnonymous: allowAnonymous ?? (loopback ? null : false),
    corsOrigins: new Set(listOf('corsOrigins', options.corsOrigins).map(originOf)),
    hostNames: new Set(listOf('hostNames', options.hostNames).map((name) => name.toLowerCase())),
    bodyBytesMax: whole('bodyBytesMax', bodyBytesDefault, 1, bodyBytesCap),
    requestTimeoutMs: checkNumber('requestTimeoutMs', timeout, 100, hourMs),
    connectionsMax: whole('connectionsMax', 1_000, 1, 100_000),
    requestsMax: whole('requestsMax', 2_000, 1, 100_000),
    streamsMax: whole('streamsMax', 256, 0, 100_000),
    streamStallMs: whole('streamStallMs', 30_000, 100, hourMs),
    streamBeatMs: whole('streamBeatMs', 15_000, 100, hourMs),
    metrics: checkWord('metrics', options.metrics ?? 'all', ['all', 'process', 'off']),
    log: redactingLog(log, standardRedactor),
  };
}

function listOf(name: string, given: readonly string[] = []): readonly string[] {
  if (!Array.isArray(given) || given.some((one) => typeof one !== 'string')) {
    throw invalid(name, given, 'it must be an array of strings');
  }
  if (given.length > namesMax) {
    throw invalid(name, given, `${given.length} were given and ${namesMax} are allowed`);
  }
  return given;
}

/** An origin as browsers write it; a path or a star would never be met. */
function originOf(given: string): string {
  const rule = "give each as a browser does, such as 'https://app.example'";
  const url = URL.canParse(given) ? new URL(given) : null;
  if (url === null || url.origin === 'null' || url.origin !== given) {
    throw invalid('an origin of corsOrigins', given, rule);
  }
  return given;
}
