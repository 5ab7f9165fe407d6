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
import type { RunTuple } from './run-tuple.ts';

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

/** One run with all that is kept of it. */
export interface MovedRun {
  readonly run: RunTuple;
  readonly input: string;
  readonly result: string | null;
  readonly progress: string | null;
  readonly attempts: readonly MovedAttempt[];
  readonly lines: readonly MovedLine[];
  /** Log lines that were over the bound. */
  readonly dropped: number;
}

/** What is not about single runs. */
export interface MovedSettings {
  /** The seq that the next run gets. */
  readonly nextSeq: number;
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
];

/** The digest of a payload, as both sides compute it: SHA-256 of its UTF-8 bytes, in hex. */
export const payloadDigest = (text: string): string =>
  createHash('sha256').update(text, 'utf8').digest('hex');
