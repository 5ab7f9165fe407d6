/**
 * Owns the options of a runtime: what they are, what they may be, and what they are when nothing is
 * said.
 *
 * P1 A wrong option is refused before anything is opened.
 */
import {
  checkKey,
  checkNumber,
  checkOptions,
  checkWhole,
  checkWord,
  invalid,
} from '../core/check.ts';
import { limits } from '../core/limits.ts';
import { type OutcomeKind, outcomeKinds } from '../core/outcome.ts';
import type { ValueFormat } from '../core/payload.ts';
import { Redactor, standardRedactor } from '../core/redact.ts';
import type { AnyFunction } from '../define-function.ts';
import type { Cipher } from '../ports/cipher.ts';
import type { Log } from '../ports/log.ts';
import type { Retention } from '../ports/store-reads.ts';
import { type CallsOptions, type CallsSettings, callsSettings } from './calls/options.ts';
import { checkLogOptions, type LogOptions, openLog, stderrLog } from './log/own-log.ts';
import { redactingLog } from './log/redacting-log.ts';
import { placeOf, type StoreOption, type StorePlace } from './store-place.ts';

/** How values become what the store keeps. Every runtime of a store is given the same. */
export interface Codec {
  /** Values that plain JSON does not hold, such as dates and maps: `richValues()`. */
  readonly values?: ValueFormat;
  /** Keeps what the store holds secret: `aesGcm({ keys })`. */
  readonly cipher?: Cipher;
}

/** What `Holdfast.open` takes. Only `store` must be given. */
export interface OpenOptions {
  /**
   * `./jobs.db`, `sqlite:./jobs.db` or `{ path }`; `postgres://...` or `{ url }`; `memory:` lives
   * and ends with this runtime.
   */
  readonly store: StoreOption;
  /**
   * `full` (default): accepted runs and outcomes survive a power cut. `relaxed`: they survive the
   * crash of any process, but the last moments may go with the machine. A memory store has neither.
   */
  readonly durability?: 'full' | 'relaxed';
  /** Functions to host, or, with `execute: false`, only to start. */
  readonly functions?: readonly AnyFunction[];
  /** Whether runs are executed here. Default: if functions are given. */
  readonly execute?: boolean;
  /** How people see this node. Default: host name and pid. */
  readonly name?: string;
  /** Runs executed at once, 1 to 1,000. Default 16. */
  readonly slots?: number;
  /** How long a silent node keeps its runs, 100 ms to an hour. Default 15,000. */
  readonly leaseTtlMs?: number;
  /** Between two heartbeats; at most a third of the lease. Default: a fifth, at most 3,000. */
  readonly heartbeatMs?: number;
  /** Between two looks at the store when nobody woke us. Default 2,000; 3,000 for Postgres. */
  readonly pollMs?: number;
  /** How long `close` lets running handlers go on before it signals them. Default 30,000. */
  readonly drainGraceMs?: number;
  /**
   * How long finished runs are kept, in ms by outcome, and events (`event`); null: for ever.
   * Default: 7 days for `succeeded` and events, 30 for the others.
   */
  readonly retention?: Partial<Record<OutcomeKind | 'event', number | null>>;
  /** Bytes of one input as JSON. Default 1 MiB. */
  readonly inputBytesMax?: number;
  /**
   * How inputs, results, what steps give, events and decisions become what the store keeps.
   * Default: plain JSON.
   */
  readonly codec?: Codec;
  /**
   * Where the runtime says what it does: how its own log is written, or a log of yours. Default:
   * warnings and errors on stderr, as JSON, or for people where that is a terminal.
   */
  readonly log?: Log | LogOptions;
  /** Whether lines of `ctx.log` also go to the runtime's log, with run and attempt. Default: no. */
  readonly logRuns?: boolean;
  /**
   * Names of fields that hold secrets (`ssn`), or paths of them (`card.number`), beside those that
   * are known as such (passwords, tokens, keys, cookies and the like). Their values are replaced by
   * `[redacted]` in lines of `ctx.log` and in the runtime's log.
   */
  readonly redact?: readonly string[];
  /**
   * How long a call waits while another process holds the store, or while its server is away, in
   * ms. Default 5,000.
   */
  readonly busyPatienceMs?: number;
  /** Bounds and surroundings of calls (`hf.call`). */
  readonly calls?: CallsOptions;
}

/** The options with all defaults. */
export interface Settings {
  readonly place: StorePlace;
  readonly durability: 'full' | 'relaxed';
  readonly functions: readonly AnyFunction[];
  readonly execute: boolean;
  readonly name: string | null;
  readonly slots: number;
  readonly leaseTtlMs: number;
  readonly heartbeatMs: number;
  readonly pollMs: number;
  /** Between two questions for the end of a run that somebody waits for, when nobody woke us. */
  readonly askMsMax: number;
  readonly pruneEveryMs: number;
  readonly drainGraceMs: number;
  readonly retention: Retention;
  readonly inputBytesMax: number;
  readonly codec: Codec;
  /** Without secrets. */
  readonly log: Log;
  readonly logRuns: boolean;
  readonly redactor: Redactor;
  readonly busyPatienceMs: number;
  readonly calls: CallsSettings;
}

/** A heartbeat every 3 s, polls and sweeps: less than one query a second for an idle node. */
const pollMsOf = ({ kind }: StorePlace): number => (kind === 'postgres' ? 3_000 : 2_000);

const dayMs = 86_400_000;
const hourMs = 3_600_000;
const inputBytesCap = 64 * limits.inputBytesMax;

/** What is kept for a while. */
export const retained = [...outcomeKinds, 'event'] as const;

const names = [
  ...['store', 'durability', 'functions', 'execute', 'name', 'slots', 'leaseTtlMs', 'heartbeatMs'],
  ...['pollMs', 'drainGraceMs', 'retention', 'inputBytesMax', 'codec', 'log', 'logRuns', 'redact'],
  ...['busyPatienceMs', 'calls'],
];

/** Checks the options and fills in what was not said. */
export function settingsOf(options: OpenOptions): Settings {
  checkOptions('Holdfast.open', options, names);
  const { functions = [], logRuns = false } = options;
  if (!Array.isArray(functions)) throw invalid('functions', functions, 'it must be an array');
  if (typeof logRuns !== 'boolean') throw invalid('logRuns', logRuns, 'it must be a boolean');
  const redactor = redactorOf(options.redact ?? []);
  const execute = options.execute ?? functions.length > 0;
  if (typeof execute !== 'boolean') throw invalid('execute', execute, 'it must be a boolean');
  if (execute && functions.length === 0) {
    throw invalid('execute', execute, 'give the functions that are to be executed');
  }
  const leaseTtlMs = checkWhole('leaseTtlMs', options.leaseTtlMs ?? 15_000, 100, hourMs);
  const heartbeatMs = options.heartbeatMs ?? Math.min(3_000, Math.floor(leaseTtlMs / 5));
  const place = placeOf(options.store);
  const inputBytesMax = options.inputBytesMax ?? limits.inputBytesMax;
  const { name } = options;
  return {
    place,
    durability: checkWord('durability', options.durability ?? 'full', ['full', 'relaxed']),
    functions,
    execute,
    name: name === undefined ? null : checkKey('name', name, limits.keyCharsMax),
    slots: checkWhole('slots', options.slots ?? 16, 1, limits.claimRunsMax),
    leaseTtlMs,
    heartbeatMs: checkWhole('heartbeatMs', heartbeatMs, 10, Math.floor(leaseTtlMs / 3)),
    pollMs: checkWhole('pollMs', options.pollMs ?? pollMsOf(place), 10, hourMs),
    askMsMax: place.kind === 'postgres' ? 3_000 : 500,
    pruneEveryMs: 60_000,
    drainGraceMs: checkNumber('drainGraceMs', options.drainGraceMs ?? 30_000, 0, dayMs),
    retention: retentionOf(options.retention ?? {}),
    inputBytesMax: checkWhole('inputBytesMax', inputBytesMax, 1, inputBytesCap),
    codec: checkCodec(options.codec ?? {}),
    log: redactingLog(logOf(options.log), redactor),
    logRuns,
    redactor,
    busyPatienceMs: checkWhole('busyPatienceMs', options.busyPatienceMs ?? 5_000, 0, hourMs),
    calls: callsSettings(options.calls),
  };
}

function logOf(given: OpenOptions['log']): Log {
  if (given === undefined) return stderrLog;
  if (typeof given !== 'object' || given === null) {
    throw invalid('log', given, 'give options, or an object with a log method');
  }
  return 'log' in given && typeof given.log === 'function'
    ? given
    : openLog(checkLogOptions(given as LogOptions));
}

const redactedMax = 1_000;

function redactorOf(names: readonly string[]): Redactor {
  if (!Array.isArray(names) || names.length > redactedMax) {
    throw invalid('redact', names, `give a list of at most ${redactedMax} names of fields`);
  }
  for (const name of names) checkKey('a name in redact', name, limits.keyCharsMax);
  return names.length === 0 ? standardRedactor : new Redactor(names);
}

function checkCodec(codec: Codec): Codec {
  checkOptions('codec', codec, ['values', 'cipher']);
  const { values, cipher } = codec;
  if (values !== undefined && typeof values?.write !== 'function') {
    throw invalid('codec.values', values, 'give a format, such as richValues()');
  }
  if (cipher !== undefined && typeof cipher?.seal !== 'function') {
    throw invalid('codec.cipher', cipher, 'give a cipher, such as aesGcm({ keys })');
  }
  return codec;
}

function retentionOf(given: NonNullable<OpenOptions['retention']>): Retention {
  checkOptions('retention', given, retained);
  const kept = (kind: OutcomeKind | 'event'): number | null => {
    const standard = kind === 'succeeded' || kind === 'event' ? 7 * dayMs : 30 * dayMs;
    const value = given[kind] === undefined ? standard : given[kind];
    return value === null ? null : checkNumber(`retention.${kind}`, value, 0, limits.delayMsMax);
  };
  return Object.fromEntries(retained.map((kind) => [kind, kept(kind)])) as Retention;
}
