/**
 * Owns the independent witness of a chaos run: one file to which every process appends what it did,
 * asked and was told, one line of JSON each. No server stands behind it that could be stopped.
 *
 * L1 A line is one write on a descriptor opened with O_APPEND: lines of several processes never
 *    mix, and a killed process has written a line whole or not at all.
 * L2 `at` is the host's monotonic clock in ms, which all processes share. The time of a call is
 *    taken before it is made and the time of an answer after it came, so that what happened lies in
 *    between however long a process was frozen.
 * L3 The call of whatever changes something is written before it is sent: an effect without a line
 *    cannot be. A call without an answer has an unknown end.
 */
import assert from 'node:assert/strict';
import { closeSync, createReadStream, openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { hostMs } from '../process/wait.ts';
import type { EndAnswer, EndWord, OutcomeText, SeenRun } from './run-model.ts';

/** What a process asks of the store or of the runtime. */
export type Ask =
  | {
      readonly verb: 'start';
      readonly id: string;
      readonly fn: string;
      /** The input as JSON. */
      readonly input: string;
    }
  | { readonly verb: 'cancel' | 'get' | 'result'; readonly id: string }
  | { readonly verb: 'end'; readonly ends: readonly SentEnd[] }
  | { readonly verb: 'recover'; readonly node: number; readonly kind: string }
  | { readonly verb: 'leave'; readonly node: number }
  | { readonly verb: 'record'; readonly items: readonly SentSteps[] }
  /** `key` is that of the wait which is meant. */
  | { readonly verb: 'emit'; readonly id: string; readonly key: string }
  | {
      readonly verb: 'decide';
      readonly id: string;
      readonly key: string;
      readonly state: Decided;
    }
  /** A signal to a run, and the question for its answer. */
  | { readonly verb: 'signal' | 'hear'; readonly id: string; readonly signal: string };

/** What somebody outside decides. */
export type Decided = 'approved' | 'rejected';

/** Ends of steps on their way, of one ownership. `id` as in SentEnd. */
export interface SentSteps {
  readonly id: string | null;
  readonly seq: number;
  readonly fence: number;
  readonly ends: readonly StepText[];
}

/** How a step ended, and what it gave as JSON. */
export interface StepText {
  readonly key: string;
  readonly how: string;
  readonly value: string | null;
}

/** `ours`: for each end, that it is the one that is kept now. */
export type StepsAnswer =
  | { readonly ok: true; readonly ours: readonly boolean[] }
  | { readonly ok: false; readonly code: string };

/** One end on its way. `id` null: of the ownership nothing is known but its number. */
export interface SentEnd {
  readonly id: string | null;
  readonly seq: number;
  readonly fence: number;
  readonly how: EndWord;
  readonly result: string | null;
  readonly failure: OutcomeText | null;
}

/** What a read or an end said of an outcome beside its word. */
export interface SeenDetail extends SeenRun {
  readonly seq: number;
  /** The message of the outcome's error. */
  readonly note: string | null;
}

/** What came back. `fault`: nobody knows what was done. */
export type Answer =
  | { readonly fault: string }
  | { readonly start: 'created' | 'known' | 'conflict' | 'full' }
  /** The start became another run. */
  | { readonly joined: string; readonly how: 'debounced' | 'unique' }
  | { readonly cancel: 'cancelled' | 'stopping' | 'done' | 'missing' }
  | { readonly seen: SeenDetail | null }
  | { readonly outcome: OutcomeText; readonly note: string | null; readonly result: string | null }
  /** Nothing was learnt, and nothing can have changed. */
  | { readonly nothing: true }
  | { readonly verdicts: readonly (EndAnswer & { readonly note: string | null })[] }
  | { readonly recovered: boolean }
  | { readonly records: readonly StepsAnswer[] }
  /** The event is kept; the decision ended the wait, or another had. */
  | { readonly emitted: true }
  | { readonly decided: boolean }
  /** The run will be given it, or has ended. */
  | { readonly signalled: boolean }
  /** What the run says of it, as JSON. */
  | { readonly heard: string };

/** A run as a claim handed it out. */
export interface ClaimedLine {
  readonly id: string;
  readonly seq: number;
  readonly fence: number;
  readonly attempt: number;
  readonly lane: string | null;
  readonly tenant: string;
}

/** Faults of processes, and of what is between them and the store. */
export type FaultKind = string;

/** What is told. */
export type Told =
  /** The handler of an attempt; `aborted`: it was told to stop before. `left`: it is told now. */
  | {
      readonly what: 'begin' | 'step' | 'return' | 'throw' | 'left';
      readonly run: string;
      readonly fence: number;
      readonly aborted: boolean;
    }
  /** The code of a step begins. */
  | {
      readonly what: 'deed';
      readonly run: string;
      readonly fence: number;
      readonly aborted: boolean;
      readonly key: string;
      readonly tries: number;
    }
  /** Durable code is about to ask for a wait of so many ms. */
  | {
      readonly what: 'asks';
      readonly run: string;
      readonly fence: number;
      readonly key: string;
      readonly ms: number;
    }
  /** Durable code was given something: the `nth` thing in this attempt, as JSON. */
  | {
      readonly what: 'given';
      readonly run: string;
      readonly fence: number;
      readonly nth: number;
      readonly key: string;
      readonly value: string;
    }
  /** Durable code is about to answer a signal so (`says`), and was told that this is kept. */
  | {
      readonly what: 'says' | 'said';
      readonly run: string;
      readonly fence: number;
      readonly signal: string;
      /** As JSON. */
      readonly answer: string;
    }
  | { readonly what: 'call'; readonly op: number; readonly ask: Ask }
  | { readonly what: 'answer'; readonly op: number; readonly answer: Answer }
  | {
      readonly what: 'claimed';
      readonly from: number;
      readonly node: number;
      readonly runs: readonly ClaimedLine[];
    }
  /** The node joined, or renewed its lease; begun at `from`. */
  | {
      readonly what: 'joined' | 'beat';
      readonly from: number;
      readonly node: number;
      readonly ttlMs: number;
    }
  /** The process was asked to close. */
  | { readonly what: 'closing' }
  /** The nemesis is about to strike (`on`) or has let go; `target` is a process or a server. */
  | {
      readonly what: 'fault';
      readonly kind: FaultKind;
      readonly target: string;
      readonly on: boolean;
    };

/** A line: what is told, by which life of which process, and when. */
export type Line = Told & { readonly who: string; readonly at: number };

/** Appends to a ledger in the name of one life of one process. */
export interface Pen {
  (told: Told, at?: number): void;
  close(): void;
}

/** Opens the ledger for appending. */
export function openPen(path: string, who: string): Pen {
  const file = openSync(path, 'a');
  const pen = (told: Told, at = hostMs()): void => {
    const line = Buffer.from(`${JSON.stringify({ ...told, who, at })}\n`);
    assert.equal(writeSync(file, line), line.length);
  };
  return Object.assign(pen, { close: () => closeSync(file) });
}

/** Every line, in the order in which they were written. */
export async function readLedger(path: string): Promise<readonly Line[]> {
  const lines: Line[] = [];
  const text = createInterface({ input: createReadStream(path), crlfDelay: 0 });
  for await (const line of text) lines.push(JSON.parse(line) as Line);
  return lines;
}

/**
 * Writes a call and its answer around what it asks. What `answerOf` makes of the reply is written;
 * `faultOf` says what an error stands for, and the error is thrown on.
 */
export function scribe(pen: Pen, faultOf: (error: unknown) => Answer) {
  let ops = 0;
  return async <Reply>(
    ask: Ask,
    act: () => Promise<Reply>,
    answerOf: (reply: Reply) => Answer,
  ): Promise<Reply> => {
    ops += 1;
    const op = ops;
    pen({ what: 'call', op, ask });
    try {
      const reply = await act();
      pen({ what: 'answer', op, answer: answerOf(reply) });
      return reply;
    } catch (error) {
      pen({ what: 'answer', op, answer: faultOf(error) });
      throw error;
    }
  };
}
