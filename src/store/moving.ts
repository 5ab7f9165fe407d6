/**
 * Owns what moves when a store is moved into another: a run with all that is kept of it, and the
 * line by which both sides are compared.
 *
 * V1 Runs move as they stand, in the order of acceptance: at rest, with their places, their turn in
 *    the fair order, their attempts and fences. Nothing is decided anew, so nothing can come out
 *    otherwise.
 * V2 While it is moved, and once it was, nobody opens the old place; nobody opens the new one
 *    before it is whole. Both are marked by a version that no program knows.
 */
import { createHash } from 'node:crypto';
import type { KeyRow } from '../ports/store-keys.ts';
import type { ClosingTuple, KinTuple } from './kin-tuple.ts';
import type { RunTuple } from './run-tuple.ts';
import type { EventTuple, StepTuple } from './step-tuple.ts';

/** The version that a schema has while nobody may use it. Stored format. */
export const movedVersion = 1_000_000;

/** A closed attempt, as it is stored. */
export type MovedAttempt = readonly [
  attempt: number,
  node: string | null,
  startedAt: number,
  endedAt: number,
  end: string,
  error: string | null,
];

/** A log line, as it is stored. */
export type MovedLine = readonly [
  n: number,
  attempt: number,
  at: number,
  level: string,
  message: string,
  fields: string | null,
];

/** A signal to a run, as it is stored. */
export type MovedSignal = readonly [
  ...[n: number, id: string, name: string, data: string, at: number, taken: number],
];

/** A value that a run declared of itself, as it is stored. */
export type MovedState = readonly [name: string, value: string, attempt: number, at: number];

/** One run with all that is kept of it. */
export interface MovedRun {
  readonly run: RunTuple;
  readonly input: string;
  readonly result: string | null;
  readonly progress: string | null;
  readonly attempts: readonly MovedAttempt[];
  readonly lines: readonly MovedLine[];
  readonly signals: readonly MovedSignal[];
  readonly state: readonly MovedState[];
  /** Log lines that were over the bound. */
  readonly dropped: number;
  /** What is known of its parts, which come later; null: it has none. */
  readonly parts: MovedSums | null;
  /** False for a run that ended badly and was dealt with. */
  readonly dead: boolean;
  /** What it is in its family, and what is left to be done there; null: nothing. */
  readonly kin: KinTuple | null;
  readonly closing: ClosingTuple | null;
}

/** What flow control keeps for a key, as it is stored. */
export type MovedFlow = readonly [
  ...[fn: string, tenant: string, key: string, term: string],
  ...[state: string, seq: number | null, expiresAt: number],
];

/** Up to where keys are there: the last one's place. */
export type FlowCursor = readonly [fn: string, tenant: string, key: string, term: string];

/** What is known of the parts of a run. */
export type MovedSums = readonly [
  ...[kept: number, bytes: number, dropped: number],
  ...[fence: number, sent: number],
];

/** A block of parts, as it is stored. */
export type MovedBlock = readonly [
  ...[seq: number, first: number, count: number, attempt: number],
  content: string,
];

/** Up to where parts are there: the last block's run and first offset. */
export type PartCursor = readonly [seq: number, first: number];

/** A step, with the tenant whose events it waits for. */
export interface MovedStep {
  readonly step: StepTuple;
  readonly tenant: string | null;
}

/** Up to where steps are there: the last one's run and its place in it. */
export type StepCursor = readonly [seq: number, ord: number];

/** What is not about single runs. */
export interface MovedSettings {
  /** The seq that the next run gets. */
  readonly nextSeq: number;
  /** The number of the last event, how many are kept, and when the last one came. */
  readonly events: { readonly lastN: number; readonly kept: number; readonly lastAt: number };
  readonly clock: {
    readonly turn: number;
    readonly turnsPerSecond: number;
    readonly measuredAt: number;
    readonly measuredTurn: number;
  } | null;
  readonly policies: readonly { readonly policy: number; readonly content: string }[];
  readonly tenants: readonly {
    readonly tenant: string;
    readonly weight: number;
    readonly runningMax: number | null;
    readonly waitingMax: number | null;
    readonly turn: number;
  }[];
  readonly pauses: readonly {
    readonly kind: string;
    readonly key: string;
    readonly reason: string;
    readonly since: number;
  }[];
  readonly keys: readonly KeyRow[];
}

/** How many there are of everything: by name, such as `runs queued`. */
export type MoveCounts = Readonly<Record<string, number>>;

/** What identifies a run and how it stands, with digests of its payloads. */
export type RunLine = readonly [
  seq: number,
  id: string,
  fn: string,
  stage: number,
  outcome: number | null,
  attempt: number,
  fence: number,
  input: string,
  result: string | null,
  pin: string | null,
];

/** What identifies a step and how it stands, with a digest of all of its texts. */
export type StepLine = readonly [
  ...[seq: number, ord: number, key: string, attempt: number, tries: number],
  ...[begunAt: number, wakeAt: number | null, how: string | null, nth: number | null],
  texts: string,
];

/** What identifies an event, with a digest of its data. */
export type EventLine = readonly [
  ...[n: number, tenant: string, id: string, name: string, at: number, open: number],
  data: string,
];

/** The line of a step. */
export function stepLineOf({ step, tenant }: MovedStep): StepLine {
  const [seq, ord, key, kind, attempt, tries, begunAt, , wakeAt, event, paths, values] = step;
  const [after, token, how, nth, , value, error] = step.slice(12) as unknown as [
    ...[after: number | null, token: string | null, how: string | null, nth: number | null],
    ...[endedAt: number | null, value: string | null, error: string | null],
  ];
  const texts = [kind, event, paths, values, after, token, value, error, tenant];
  const digest = payloadDigest(texts.map((one) => one ?? '').join('\n'));
  return [seq, ord, key, attempt, tries, begunAt, wakeAt, how, nth, digest];
}

/** The line of an event. */
export const eventLineOf = ([n, tenant, id, name, data, at, open]: EventTuple): EventLine => [
  ...([n, tenant, id, name, at, open] as const),
  payloadDigest(data),
];

/** The digest of a payload, as both sides compute it: SHA-256 of its UTF-8 bytes, in hex. */
export const payloadDigest = (text: string): string =>
  createHash('sha256').update(text, 'utf8').digest('hex');
