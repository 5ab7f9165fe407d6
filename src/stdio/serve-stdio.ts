/**
 * Owns the public face of the protocol: a runtime, two streams, and how it ends.
 */
import type { Readable, Writable } from 'node:stream';
import { checkNumber, checkOptions, invalid } from '../core/check.ts';
import type { Holdfast } from '../holdfast.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { stderrLog } from '../runtime/log/own-log.ts';
import { systemClock } from '../system/clock.ts';
import { type StdioCounters, type StdioEnd, StdioSession } from './session.ts';

/** What `serveStdio` takes beside the runtime. */
export interface StdioOptions {
  /** Default: standard input and output of this process. */
  readonly input?: Readable;
  readonly output?: Writable;
  /** Obeys cancels, progress and QUIT within bodies, as older agents expect. Default false. */
  readonly compat?: boolean;
  /** Between two signs of life, in ms. Default 1,000. */
  readonly keepaliveMs?: number;
  /** How long calls may go on when the agent leaves, in ms. Default 8,000. */
  readonly drainMs?: number;
  /** The agent said QUIT. */
  readonly onQuit?: () => void;
  /** Where odd lines are told of. Default: warnings and errors on stderr. */
  readonly log?: Log;
  /** For tests. Default: the system's. */
  readonly clock?: Clock;
}

/** A conversation with an agent. */
export interface StdioServer {
  /** Resolves when it is over: everything was answered and written. */
  readonly done: Promise<StdioEnd>;
  readonly counters: Readonly<StdioCounters>;
  /** Ends it as if the agent had left. */
  stop(): Promise<StdioEnd>;
}

const names = [
  ...['input', 'output', 'compat', 'keepaliveMs', 'drainMs', 'onQuit', 'log', 'clock'],
];
const hourMs = 3_600_000;

/**
 * Serves the functions of a runtime to an agent that speaks the line protocol of plugins. When the
 * conversation ends, the runtime takes no more calls; closing it is yours. Throws
 * `request.invalid`.
 *
 * @example
 * await using hf = await Holdfast.open({ store: 'memory:', functions: [greet] });
 * await serveStdio(hf).done; // 'quit', or 'eof'
 */
export function serveStdio(hf: Holdfast, options: StdioOptions = {}): StdioServer {
  checkOptions('serveStdio', options, names);
  const { input = process.stdin, output = process.stdout, log = stderrLog } = options;
  const { compat = false, onQuit = () => {}, clock = systemClock() } = options;
  if (typeof compat !== 'boolean') throw invalid('compat', compat, 'it must be a boolean');
  const session = new StdioSession({
    ...{ hf, input, output, log, compat, onQuit, clock },
    keepaliveMs: checkNumber('keepaliveMs', options.keepaliveMs ?? 1_000, 10, hourMs),
    drainMs: checkNumber('drainMs', options.drainMs ?? 8_000, 0, hourMs),
  });
  return {
    done: session.done,
    counters: session.counters,
    stop() {
      session.end('stopped');
      return session.done;
    },
  };
}
