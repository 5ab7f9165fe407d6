/**
 * The independent witness of the tour: a file to which the functions themselves append what they
 * did. What the tour says at its end is counted from here, not from the store.
 *
 * A line is one `write` on a descriptor opened with O_APPEND, so lines of several processes never
 * mix, and a killed process has written a line whole or not at all. Times are those of the host's
 * monotonic clock, which all its processes share. Lines are ASCII: they name runs, not files.
 *
 * The effect of a run is its `end` line. The ledger and the store are two places: a process can die
 * after its effect and before its outcome is in the store, and then the run is tried again. That is
 * inherent in any effect outside of the store, and the cure is always the same: the effect carries
 * a key, and whoever tries again looks for it first. The key here is the run's id. (Only a second
 * attempt can find anything, and it begins when the owner before it is proven dead.)
 */
import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';

/** What a function found out about a file. */
export interface Measure {
  readonly sha256: string;
  readonly lines: number;
  readonly bytes: number;
  readonly gzipBytes: number;
}

/** Who did it: one ownership of one run. */
export interface Doer {
  readonly run: string;
  readonly attempt: number;
  readonly fence: number;
  readonly node: string;
  readonly pid: number;
}

/** The run was accepted by the store: from now on it must end. */
export interface Accepted {
  readonly event: 'accepted';
  readonly run: string;
}

/** An attempt began, or found that the effect is there already and left it at that. */
export interface Begun extends Doer {
  readonly event: 'begin' | 'found';
}

/** The effect. `measure` is null when the file could not be read. */
export interface Ended extends Doer {
  readonly event: 'end';
  readonly lane: string;
  readonly measure: Measure | null;
}

export type Note = Accepted | Begun | Ended;
export type Entry = Note & { readonly at: number };

/** Milliseconds on the clock that every process of this host shares. */
export const hostMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Appends to the ledger of this path. */
export function openLedger(path: string): { write(notes: readonly Note[]): void; close(): void } {
  const file = openSync(path, 'a');
  return {
    write: (notes) => {
      const at = hostMs();
      writeSync(file, notes.map((note) => `${JSON.stringify({ ...note, at })}\n`).join(''));
    },
    close: () => closeSync(file),
  };
}

/** Reads a ledger bit by bit: every call gives what was appended since the one before. */
export function ledgerReader(path: string): () => Entry[] {
  const chunk = Buffer.alloc(1 << 20);
  let position = 0;
  let unfinished = '';
  return () => {
    const entries: Entry[] = [];
    const file = openSync(path, 'r');
    try {
      for (;;) {
        const size = readSync(file, chunk, 0, chunk.length, position);
        if (size === 0) return entries;
        position += size;
        const lines = (unfinished + chunk.toString('latin1', 0, size)).split('\n');
        unfinished = lines.pop() ?? '';
        for (const line of lines) entries.push(JSON.parse(line) as Entry);
      }
    } finally {
      closeSync(file);
    }
  };
}

/**
 * The effect of a run, if it has one. Looks for the beginning of its line, so that no other line
 * has to be understood: `openLedger` writes the keys in the order in which they are given.
 */
export function effectOf(path: string, run: string): Ended | undefined {
  const text = readFileSync(path);
  const from = text.indexOf(`{"event":"end","run":${JSON.stringify(run)},`, 0, 'latin1');
  if (from === -1) return undefined;
  return JSON.parse(text.toString('latin1', from, text.indexOf('\n', from))) as Ended;
}
