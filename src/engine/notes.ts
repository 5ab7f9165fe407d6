/**
 * Owns the way of log lines, progress and declared state from running attempts to the store.
 *
 * L1 A note goes before the end of its attempt, for under a closed fence it would be refused: an
 *    attempt with open notes ends after they were answered.
 * L2 Lines of one attempt that wait are bounded by the bound of a run; over it they are dropped,
 *    counted.
 * L3 A store that fails costs notes, never a run: after a fault the lines wait for the next note.
 * L4 What is said is without secrets before it goes anywhere.
 * L5 Of state the last value of a name counts. What is not kept because it is over the bound of its
 *    run is said in the runtime's log.
 */
import { limits } from '../core/limits.ts';
import { type Redactor, standardRedactor, withoutCredentials } from '../core/redact.ts';
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
  /** Values by their names. */
  state: Map<string, string>;
  /** Lines kept so far, sent or not. */
  kept: number;
  /** A call with lines of this pad is under way. */
  call: Promise<void> | null;
  /** The call carries state. */
  stateUnderWay: boolean;
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
    const empty = { lines: [], progress: undefined, state: new Map<string, string>() };
    return { run, ...empty, kept: 0, call: null, stateUnderWay: false, listed: false };
  }

  line(pad: Pad, level: LogLevel, message: string, fields: unknown): void {
    if (pad.kept >= limits.logLinesMax) {
      this.#counters.logLinesDropped += 1;
      return;
    }
    pad.kept += 1;
    const { clock, log, logsRuns = false, redactor = standardRedactor } = this.#world;
    const text = textOf(message);
    const kept = fieldsOf(fields, redactor);
    pad.lines.push({ at: clock.wall(), level, message: text, fields: kept });
    this.#list(pad);
    if (!logsRuns) return;
    const { id: run, fn, attempt } = pad.run;
    const more = kept === null ? {} : { fields: JSON.parse(kept) as unknown };
    log.log(level, text, { run, fn, attempt, ...more });
  }

  progress(pad: Pad, text: string): void {
    pad.progress = text;
    this.#list(pad);
  }

  state(pad: Pad, name: string, value: string): void {
    pad.state.set(name, value);
    this.#list(pad);
  }

  /** Null: the store has answered for all state that was set so far. */
  stateKept(pad: Pad): Promise<void> | null {
    return pad.state.size > 0 || pad.stateUnderWay ? this.close(pad) : null;
  }

  /**
   * Resolves when everything on the pad was answered or given up; null when nothing is open (L1).
   */
  close(pad: Pad): Promise<void> | null {
    if (!hasWords(pad)) return pad.call;
    return this.#closing(pad);
  }

  async #closing(pad: Pad): Promise<void> {
    await pad.call;
    if (hasWords(pad)) await this.#send([pad]);
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
    const open = pads.filter(hasWords);
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
        for (const [index, verdict] of verdicts.entries()) {
          if (!verdict.ok) continue;
          this.#counters.logLinesDropped += verdict.dropped;
          if (verdict.unkept !== undefined) this.#tellUnkept(pads[index], verdict.unkept);
        }
      },
      () => {
        this.#counters.storeFaults += 1;
        for (const [index, pad] of pads.entries()) this.#putBack(pad, items[index]);
      },
    );
    for (const [index, pad] of pads.entries()) {
      pad.stateUnderWay = items[index]?.state !== undefined;
      pad.call = call.then(() => {
        pad.call = null;
        pad.stateUnderWay = false;
      });
    }
    return call;
  }

  #putBack(pad: Pad, item: NoteItem | undefined): void {
    if (item?.lines !== undefined) pad.lines = [...item.lines, ...pad.lines];
    if (item?.progress !== undefined) pad.progress ??= item.progress;
    for (const { name, value } of item?.state ?? []) {
      if (!pad.state.has(name)) pad.state.set(name, value);
    }
  }

  /** L5 */
  #tellUnkept(pad: Pad | undefined, count: number): void {
    const message = 'declared state under names over the limit of its run is not kept';
    this.#world.log.log('warn', message, { run: pad?.run.id, count });
  }
}

const hasWords = ({ lines, progress, state }: Pad): boolean =>
  lines.length > 0 || progress !== undefined || state.size > 0;

function take(pad: Pad): NoteItem {
  const { id, seq, fence, attempt } = pad.run;
  const { lines, progress } = pad;
  const state = [...pad.state].map(([name, value]) => ({ name, value }));
  pad.lines = [];
  pad.progress = undefined;
  pad.state = new Map();
  return {
    ...{ id, seq, fence },
    attempt,
    ...(progress === undefined ? {} : { progress }),
    ...(state.length === 0 ? {} : { state }),
    ...(lines.length === 0 ? {} : { lines }),
  };
}

const textOf = (message: unknown): string => {
  let text: string;
  try {
    text = withoutCredentials(typeof message === 'string' ? message : String(message));
  } catch {
    text = '(a message that cannot be read)';
  }
  const { logLineCharsMax } = limits;
  return text.length <= logLineCharsMax ? text : `${text.slice(0, logLineCharsMax - 1)}…`;
};

/** Fields that cannot be kept leave a word about why. */
function fieldsOf(fields: unknown, redactor: Redactor): string | null {
  if (fields === undefined || fields === null) return null;
  try {
    const text = redactor.json(fields);
    if (text === undefined) return null;
    if (text.length <= limits.logLineCharsMax) return text;
    return JSON.stringify({ dropped: `fields of ${text.length} characters` });
  } catch {
    return JSON.stringify({ dropped: 'fields that cannot be written as JSON' });
  }
}
