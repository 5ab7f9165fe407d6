/**
 * Owns the way of log lines and progress from running attempts to the store.
 *
 * L1 A note goes before the end of its attempt, for under a closed fence it would be refused: an
 *    attempt with open notes ends after they were answered.
 * L2 Lines of one attempt that wait are bounded by the bound of a run; over it they are dropped,
 *    counted.
 * L3 A store that fails costs notes, never a run: after a fault the lines wait for the next note.
 */
import { limits } from '../core/limits.ts';
import type { LogLevel } from '../ports/log.ts';
import type { ClaimedRun, LogLine, NoteItem } from '../ports/store-runs.ts';
import type { Counters } from './counters.ts';
import type { World } from './world.ts';

/** Notes of attempts under way at once in one call. */
const callItemsMax = 1_000;

/** What one attempt has to say and has not been answered for. */
export interface Pad {
  readonly run: ClaimedRun;
  lines: LogLine[];
  progress: string | undefined;
  /** Lines kept so far, sent or not. */
  kept: number;
  /** A call with lines of this pad is under way. */
  call: Promise<void> | null;
  listed: boolean;
}

/** Gathers notes of all attempts of one node. */
export class Notes {
  readonly #world: World;
  readonly #counters: Counters;
  #open: Pad[] = [];
  #call: Promise<void> | null = null;

  constructor(world: World, counters: Counters) {
    this.#world = world;
    this.#counters = counters;
  }

  /** A pad for an attempt. */
  padOf(run: ClaimedRun): Pad {
    return { run, lines: [], progress: undefined, kept: 0, call: null, listed: false };
  }

  line(pad: Pad, level: LogLevel, message: string, fields: unknown): void {
    if (pad.kept >= limits.logLinesMax) {
      this.#counters.logLinesDropped += 1;
      return;
    }
    pad.kept += 1;
    const text = textOf(message);
    const at = this.#world.clock.wall();
    pad.lines.push({ at, level, message: text, fields: fieldsOf(fields) });
    this.#list(pad);
  }

  progress(pad: Pad, text: string): void {
    pad.progress = text;
    this.#list(pad);
  }

  /**
   * Resolves when everything on the pad was answered or given up; null when nothing is open (L1).
   */
  close(pad: Pad): Promise<void> | null {
    if (pad.lines.length === 0 && pad.progress === undefined) return pad.call;
    return this.#closing(pad);
  }

  async #closing(pad: Pad): Promise<void> {
    await pad.call;
    if (pad.lines.length > 0 || pad.progress !== undefined) await this.#send([pad]);
  }

  #list(pad: Pad): void {
    if (pad.listed) return;
    pad.listed = true;
    this.#open.push(pad);
    if (this.#open.length === 1 && this.#call === null) queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    if (this.#call !== null || this.#open.length === 0) return;
    const pads = this.#open.splice(0, callItemsMax);
    for (const pad of pads) pad.listed = false;
    const open = pads.filter((pad) => pad.lines.length > 0 || pad.progress !== undefined);
    const call = open.length === 0 ? Promise.resolve() : this.#send(open);
    this.#call = call;
    void call.then(() => {
      this.#call = null;
      this.#flush();
    });
  }

  /** Never rejects. */
  #send(pads: readonly Pad[]): Promise<void> {
    const items = pads.map(take);
    const call = this.#world.store.note(items).then(
      (verdicts) => {
        for (const verdict of verdicts) {
          if (verdict.ok) this.#counters.logLinesDropped += verdict.dropped;
        }
      },
      () => {
        this.#counters.storeFaults += 1;
        for (const [index, pad] of pads.entries()) this.#putBack(pad, items[index]);
      },
    );
    for (const pad of pads) {
      pad.call = call.then(() => {
        pad.call = null;
      });
    }
    return call;
  }

  #putBack(pad: Pad, item: NoteItem | undefined): void {
    if (item?.lines !== undefined) pad.lines = [...item.lines, ...pad.lines];
    if (item?.progress !== undefined) pad.progress ??= item.progress;
  }
}

function take(pad: Pad): NoteItem {
  const { seq, fence, attempt } = pad.run;
  const { lines, progress } = pad;
  pad.lines = [];
  pad.progress = undefined;
  return {
    seq,
    fence,
    attempt,
    ...(progress === undefined ? {} : { progress }),
    ...(lines.length === 0 ? {} : { lines }),
  };
}

const textOf = (message: unknown): string => {
  let text: string;
  try {
    text = typeof message === 'string' ? message : String(message);
  } catch {
    text = '(a message that cannot be read)';
  }
  const { logLineCharsMax } = limits;
  return text.length <= logLineCharsMax ? text : `${text.slice(0, logLineCharsMax - 1)}…`;
};

/** Fields that cannot be kept leave a word about why. */
function fieldsOf(fields: unknown): string | null {
  if (fields === undefined || fields === null) return null;
  try {
    const text = JSON.stringify(fields);
    if (text === undefined) return null;
    if (text.length <= limits.logLineCharsMax) return text;
    return JSON.stringify({ dropped: `fields of ${text.length} characters` });
  } catch {
    return JSON.stringify({ dropped: 'fields that cannot be written as JSON' });
  }
}
