/**
 * Owns what a command sees of the process: its streams, its environment, its clock. Tests hand in
 * another one, so that a command can be driven without starting a process.
 *
 * I1 Results go to `out`, everything else (notes, progress, questions, errors) to `err`.
 * I2 Colour only on a terminal that has it, and never with NO_COLOR.
 */
import { createInterface } from 'node:readline/promises';
import { text as readAll } from 'node:stream/consumers';
import type { WriteStream } from 'node:tty';
import type { Clock } from '../ports/clock.ts';
import { systemClock } from '../system/clock.ts';

/** Somewhere to write to. */
export interface Sink {
  write(text: string): void;
  readonly isTerminal: boolean;
  readonly hasColour: boolean;
  /** Characters in a line, or null where lines have no end (a file, a pipe). */
  readonly columns: number | null;
}

/** The process as commands see it. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly out: Sink;
  readonly err: Sink;
  readonly clock: Clock;
  /** Whether somebody can be asked. */
  readonly canAsk: boolean;
  /** All of standard input. */
  readInput(): Promise<string>;
  /** Asks on the terminal and gives the answer. */
  ask(question: string): Promise<string>;
}

/** The io of this process. */
export function processIo(): Io {
  return {
    env: process.env,
    out: sink(process.stdout),
    err: sink(process.stderr),
    clock: systemClock(),
    canAsk: process.stdin.isTTY === true && process.stderr.isTTY === true,
    readInput: () => readAll(process.stdin),
    ask: async (question) => {
      const lines = createInterface({ input: process.stdin, output: process.stderr });
      try {
        return await lines.question(question);
      } finally {
        lines.close();
      }
    },
  };
}

function sink(stream: NodeJS.WriteStream | WriteStream): Sink {
  const isTerminal = stream.isTTY === true;
  const wanted = (process.env.NO_COLOR ?? '') === '';
  return {
    write: (text) => void stream.write(text),
    isTerminal,
    hasColour: isTerminal && wanted && stream.hasColors(),
    get columns() {
      return isTerminal ? stream.columns : null;
    },
  };
}
