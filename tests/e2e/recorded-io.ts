/**
 * An io for commands that are driven without a process: what they write is kept, what they ask is
 * answered.
 */
import type { Io } from '../../src/cli/io.ts';
import { systemClock } from '../../src/system/clock.ts';

export interface Setting {
  readonly env?: Readonly<Record<string, string>>;
  /** As if all streams were terminals of this width. */
  readonly terminal?: number;
  /** What standard input holds. */
  readonly input?: string;
  /** What whoever is asked answers; without it nobody can be asked. */
  readonly answer?: string;
}

export interface Recorded {
  readonly io: Io;
  readonly text: { out: string; err: string };
}

/** An io, and what was written to it. */
export function recordedIo({ env = {}, terminal, input = '', answer }: Setting = {}): Recorded {
  const text = { out: '', err: '' };
  const sink = (name: 'out' | 'err') => ({
    write: (more: string) => {
      text[name] += more;
    },
    isTerminal: terminal !== undefined,
    hasColour: terminal !== undefined,
    columns: terminal ?? null,
  });
  const io: Io = {
    env,
    out: sink('out'),
    err: sink('err'),
    clock: systemClock(),
    canAsk: answer !== undefined,
    readInput: async () => input,
    ask: async (question) => {
      text.err += question;
      return answer ?? '';
    },
  };
  return { io, text };
}
