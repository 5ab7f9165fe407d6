/**
 * The independent witness: a file to which handlers append what they do, one line an event. The
 * tests count from here what was executed; the store is asked separately.
 *
 *   begin <run> <attempt> <fence> <node> <lane> <ms>
 *   end <run> <attempt> <fence> <node> <lane> <ms>
 *   stopped <run> <attempt> <fence> <node> <lane> <ms>     the handler obeyed its signal
 *
 * L1 A line is one write on a descriptor opened with O_APPEND: lines of several processes never
 *    mix, a killed process has written a line whole or not at all, and the order of the lines is
 *    the order in which things happened, whatever any clock says.
 */
import assert from 'node:assert/strict';
import { closeSync, openSync, readSync, watch, writeSync } from 'node:fs';
import { hostMs, patienceMs, within } from './wait.ts';

export type LedgerEvent = 'begin' | 'end' | 'stopped';

export interface Entry {
  readonly event: LedgerEvent;
  readonly run: string;
  readonly attempt: number;
  readonly fence: number;
  readonly node: string;
  readonly lane: string | null;
  /** On the clock of the host. */
  readonly at: number;
}

/** Appends to a ledger. */
export function openLedger(path: string): (entry: Omit<Entry, 'at'>) => void {
  const file = openSync(path, 'a');
  return ({ event, run, attempt, fence, node, lane }) => {
    const line = `${event} ${run} ${attempt} ${fence} ${node} ${lane ?? '-'} ${hostMs()}\n`;
    assert.equal(writeSync(file, line), line.length);
  };
}

function entryOf(line: string): Entry {
  const [event, run = '', attempt, fence, node = '', lane, at] = line.split(' ');
  return {
    event: event as LedgerEvent,
    run,
    attempt: Number(attempt),
    fence: Number(fence),
    node,
    lane: lane === '-' ? null : (lane ?? null),
    at: Number(at),
  };
}

/** Reads a ledger while others append to it. */
export class Ledger {
  readonly path: string;
  readonly #entries: Entry[] = [];
  readonly #chunk = Buffer.alloc(1 << 16);
  #position = 0;
  #unfinished = '';

  constructor(path: string) {
    this.path = path;
    closeSync(openSync(path, 'a'));
  }

  /** Everything so far, in the order in which it happened. */
  get entries(): readonly Entry[] {
    const file = openSync(this.path, 'r');
    try {
      for (;;) {
        const size = readSync(file, this.#chunk, 0, this.#chunk.length, this.#position);
        if (size === 0) return this.#entries;
        this.#position += size;
        const text = this.#unfinished + this.#chunk.toString('latin1', 0, size);
        const lines = text.split('\n');
        this.#unfinished = lines.pop() ?? '';
        this.#entries.push(...lines.map(entryOf));
      }
    } finally {
      closeSync(file);
    }
  }

  /** The entries of one kind that match. */
  of(event: LedgerEvent, match: Partial<Entry> = {}): readonly Entry[] {
    const wanted = Object.entries(match) as [keyof Entry, unknown][];
    return this.entries.filter(
      (entry) => entry.event === event && wanted.every(([key, value]) => entry[key] === value),
    );
  }

  /** Waits until there are so many entries of this kind that match. */
  async until(
    count: number,
    event: LedgerEvent,
    match: Partial<Entry> = {},
    ms = patienceMs,
  ): Promise<readonly Entry[]> {
    const what = `${count} times '${event}' with ${JSON.stringify(match)} in the ledger`;
    const enough = Promise.withResolvers<void>();
    const look = (): void => {
      if (this.of(event, match).length >= count) enough.resolve();
    };
    const watcher = watch(this.path, look);
    try {
      look();
      await within(ms, what, enough.promise);
    } catch (error) {
      const seen = this.entries.slice(-20).map((entry) => `\n  ${JSON.stringify(entry)}`);
      throw new Error(
        `${error instanceof Error ? error.message : error}; last lines:${seen.join('')}`,
      );
    } finally {
      watcher.close();
    }
    return this.of(event, match);
  }
}

/** G3 by the ledger: each run was ended by exactly one handler, and nothing else was executed. */
export function assertEndedOnce(ledger: Ledger, runs: readonly string[]): void {
  const ends = ledger.of('end').map(({ run }) => run);
  assert.deepEqual(ends.toSorted(), runs.toSorted());
}

/** What one lane was promised. */
export interface LanePromise {
  readonly lane: string;
  readonly width: number;
  /** Its runs in the order of their acceptance. */
  readonly accepted: readonly string[];
}

/**
 * G4 by the ledger, for runs that were not crashed: never more than `width` between their begin and
 * their end, and a run begins only when fewer than `width` of those accepted before it have not
 * ended. A handler writes its end before its outcome is committed, so that none of it is luck.
 */
export function assertLaneKept(ledger: Ledger, { lane, width, accepted }: LanePromise): void {
  const running = new Set<string>();
  const ended = new Set<string>();
  const place = new Map(accepted.map((run, index) => [run, index]));
  for (const { event, run } of ledger.entries.filter((entry) => entry.lane === lane)) {
    if (event !== 'begin') {
      running.delete(run);
      ended.add(run);
      continue;
    }
    running.add(run);
    const together = [...running].join(', ');
    assert.ok(running.size <= width, `lane ${lane} of width ${width} executes ${together}`);
    const before = accepted.slice(0, place.get(run)).filter((other) => !ended.has(other));
    const passed = `before ${before.join(', ')} of lane ${lane}, width ${width}, ended`;
    assert.ok(before.length < width, `${run} began ${passed}`);
  }
  assert.equal(ended.size, accepted.length, `lane ${lane}`);
}
