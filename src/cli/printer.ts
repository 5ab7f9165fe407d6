/**
 * Owns how a command speaks: text for people, JSON for programs, progress for those who wait.
 *
 * P1 With `json` the output holds JSON and nothing else: one document, or one document a line.
 * P2 Text from handlers (errors, log lines, results) is made harmless before a terminal gets it.
 * P3 Progress is shown on a terminal only, on `err`, and wiped before anything else is written.
 */
import { styleText } from 'node:util';
import type { Io, Sink } from './io.ts';

/** The styles in use; names are those of the terminal's palette. */
export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'blue' | 'cyan' | 'magenta';

/** Speaks for one command. */
export interface Printer {
  readonly json: boolean;
  readonly columns: number | null;
  /** Text in a style, where the output has colours. */
  style(style: Style, text: string): string;
  /** A line of the result, for people. Nothing with `json`. */
  line(text?: string): void;
  /** A piece of a text for people, as it is. Nothing with `json`. */
  text(text: string): void;
  /** Ends the line of such a text, if it has begun one. */
  endText(): void;
  /** The result as one JSON document. */
  document(value: unknown): void;
  /** One of many results, as JSON on one line. */
  record(value: unknown): void;
  /** A remark beside the result, on `err`. */
  note(text: string): void;
  /** What is being done right now; the next call replaces it. */
  progress(text: string): void;
  /** Wipes the progress. */
  settle(): void;
}

/** A printer over the given io. */
export function printer(io: Io, json: boolean): Printer {
  let shown = false;
  let midLine = false;
  const settle = (): void => {
    if (shown) io.err.write('\r\u001b[K');
    shown = false;
  };
  const put = (sink: Sink, text: string): void => {
    settle();
    sink.write(`${text}\n`);
  };
  return {
    json,
    columns: io.out.columns,
    style: (style, text) => paint(io.out, style, text),
    line: (text = '') => {
      if (!json) put(io.out, text);
    },
    text(text) {
      if (json || text === '') return;
      settle();
      io.out.write(text);
      midLine = !text.endsWith('\n');
    },
    endText() {
      if (midLine) io.out.write('\n');
      midLine = false;
    },
    document: (value) => put(io.out, JSON.stringify(value, null, 2)),
    record: (value) => put(io.out, JSON.stringify(value)),
    note: (text) => put(io.err, text),
    progress: (text) => {
      if (!io.err.isTerminal) return;
      settle();
      io.err.write(text.slice(0, (io.err.columns ?? 80) - 1));
      shown = true;
    },
    settle,
  };
}

/** Text in a style, where the sink has colours. */
export const paint = (sink: Sink, style: Style, text: string): string =>
  sink.hasColour ? styleText(style, text, { validateStream: false }) : text;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const unprintable = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

const escaped = (mark: string): string => {
  if (mark === '\t') return '  ';
  return `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`;
};

/** Text without anything that moves a terminal's cursor, colours it or turns its direction. */
export const harmless = (text: string): string =>
  text.replaceAll('\r\n', '\n').replace(unprintable, escaped);

/** The same on one line. */
export const harmlessLine = (text: string): string => harmless(text).replaceAll('\n', '\\n');
