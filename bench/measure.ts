/**
 * Owns the words of a benchmark: what is measured, of whom, in which durability class.
 *
 * M1 Figures are compared within one durability class only. `full` answers after an fsync: it
 *    stands beside Redis with `appendfsync always`. `relaxed` may lose the last moments with the
 *    machine: it stands beside `everysec`.
 * M2 A figure is the median over rounds, beside its smallest and largest round. Percentiles are
 *    taken over the samples of all rounds together, and spread over those of single rounds.
 */
import { median, percentile, significant } from './spread.ts';

export const durabilities = ['full', 'relaxed'] as const;
export type Durability = (typeof durabilities)[number];

/** The peers, and how they are called where figures are shown. */
export const peerTitles = {
  bullmq: 'BullMQ',
  'graphile-batched': 'graphile-worker, batched',
  graphile: 'graphile-worker',
  'pg-boss': 'pg-boss',
  'bullmq-postgres': 'BullMQ on Postgres',
  dbos: 'DBOS',
  bare: 'Hono, a constant answer',
  'p-queue': 'p-queue',
  fastq: 'fastq',
  plain: 'plain async function',
  'isolated-vm': 'isolated-vm, bare',
  wasmoon: 'wasmoon, bare',
  piscina: 'piscina',
} as const;
export type Peer = keyof typeof peerTitles;
/** Not a peer but a limit: what a server does that does nothing. It has no ratio. */
export const limitPeer: Peer = 'bare';
export type Side = 'ours' | Peer;
/** Those of them that work on a store. */
export type StorePeer = Exclude<
  Peer,
  'p-queue' | 'fastq' | 'plain' | 'isolated-vm' | 'wasmoon' | 'piscina'
>;

/** What one metric means. The same for all sides, so that a ratio has a direction. */
export interface Metric {
  readonly name: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
}

/** One metric of one side in one class, with a value for each round. */
export interface Measure {
  readonly side: Side;
  readonly durability: Durability;
  readonly metric: Metric;
  /** The figure; the others say how it came about. */
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly rounds: readonly number[];
  /** How many single samples stand behind the figure. */
  readonly samples: number;
}

/** A figure as it is stored and shown. */
export interface Figure {
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly samples: number;
  readonly unit: string;
}

/** Who is measured, under which promise. */
export interface Subject {
  readonly side: Side;
  readonly durability: Durability;
}

/** A figure from one value a round. */
export function fromRounds(
  subject: Subject,
  metric: Metric,
  rounds: readonly number[],
  samples = rounds.length,
): Measure {
  return {
    side: subject.side,
    durability: subject.durability,
    metric,
    value: significant(median(rounds)),
    min: significant(Math.min(...rounds)),
    max: significant(Math.max(...rounds)),
    rounds: rounds.map(significant),
    samples,
  };
}

/** A figure that is a percentile over the samples of all rounds. `p` 1 is the largest. */
export function fromSamples(
  subject: Subject,
  metric: Metric,
  rounds: readonly (readonly number[])[],
  p: number,
): Measure {
  const all = rounds.flat();
  const perRound = rounds.map((samples) => percentile(samples, p));
  const measure = fromRounds(subject, metric, perRound, all.length);
  return { ...measure, value: significant(percentile(all, p)) };
}

/** The part of a measure that is stored beside those of others. */
export function toFigure(measure: Measure): Figure {
  const { value, min, max, samples, metric } = measure;
  return { value, min, max, samples, unit: metric.unit };
}
