/**
 * Owns the result of a benchmark: its form, its file, and which file is the newest. Stored format.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type JudgedAim, judge, type Miss, ratio } from './aims.ts';
import type { Machine } from './machine.ts';
import {
  type Durability,
  durabilities,
  type Figure,
  limitPeer,
  type Measure,
  type Peer,
  peerTitles,
  toFigure,
} from './measure.ts';

/** Figures by class and metric. */
export type Figures = Readonly<Partial<Record<Durability, Readonly<Record<string, Figure>>>>>;

/** What was measured, and of what. The last line of `--json` is one of these. */
export interface Result {
  readonly name: string;
  readonly machine: Machine;
  readonly ours: Figures;
  readonly peers: Readonly<Partial<Record<Peer, PeerVersions & { readonly figures: Figures }>>>;
  /** How many times better ours is than the best peer; above 1 ours is better. */
  readonly ratios: Readonly<Partial<Record<Durability, Readonly<Record<string, number>>>>>;
  readonly aims: readonly JudgedAim[];
  readonly misses: readonly Miss[];
}

/** A result as it is kept: with its date, its size and every round. */
export interface StoredResult extends Result {
  readonly date: string;
  readonly quick: boolean;
  readonly raw: readonly Measure[];
}

/** Which peer was measured, on what, and how it was set up. */
export interface PeerVersions {
  readonly version: string;
  readonly server: string;
  readonly settings?: string;
}
/** The peers that can be measured here. */
export type Peers = Readonly<Partial<Record<Peer, PeerVersions>>>;

const peerNames = Object.keys(peerTitles) as readonly Peer[];
const folder = fileURLToPath(new URL('./results/', import.meta.url));

/** Puts measures into the form of a result. */
export function toResult(
  name: string,
  machine: Machine,
  peers: Peers,
  measures: readonly Measure[],
  options: { readonly quick: boolean },
): Result {
  const { aims, misses } = judge(name, measures, options);
  const measured: Partial<Record<Peer, PeerVersions & { readonly figures: Figures }>> = {};
  for (const peer of peerNames) {
    const figures = figuresOf(measures, peer);
    const versions = peers[peer];
    if (versions === undefined || Object.keys(figures).length === 0) continue;
    measured[peer] = { ...versions, figures };
  }
  return {
    name,
    machine,
    ours: figuresOf(measures, 'ours'),
    peers: measured,
    ratios: ratiosOf(measures),
    aims,
    misses,
  };
}

function figuresOf(measures: readonly Measure[], side: Measure['side']): Figures {
  const figures: Partial<Record<Durability, Record<string, Figure>>> = {};
  for (const measure of measures) {
    if (measure.side !== side) continue;
    figures[measure.durability] ??= {};
    const ofClass = figures[measure.durability];
    if (ofClass !== undefined) ofClass[measure.metric.name] = toFigure(measure);
  }
  return figures;
}

function ratiosOf(measures: readonly Measure[]): Result['ratios'] {
  const ratios: Partial<Record<Durability, Record<string, number>>> = {};
  for (const durability of durabilities) {
    const ofClass: Record<string, number> = {};
    for (const ours of measures) {
      if (ours.side !== 'ours' || ours.durability !== durability) continue;
      const against = measures
        .filter(({ side }) => side !== 'ours' && side !== limitPeer)
        .filter((other) => other.durability === durability)
        .filter((other) => other.metric.name === ours.metric.name)
        .map((peer) => ratio(ours, peer))
        .filter(Number.isFinite);
      if (against.length > 0) ofClass[ours.metric.name] = Math.min(...against);
    }
    if (Object.keys(ofClass).length > 0) ratios[durability] = ofClass;
  }
  return ratios;
}

/** Keeps a result. One a day: a later one of the same day replaces it. Returns the file's path. */
export function keepResult(result: StoredResult): string {
  mkdirSync(folder, { recursive: true });
  const kind = result.quick ? '-quick' : '';
  const path = join(folder, `${result.name}-${result.date}${kind}.json`);
  const text = JSON.stringify(result, null, 1).replace(numberList, (list) =>
    list.replace(/\s+/g, ' '),
  );
  writeFileSync(path, `${text}\n`);
  return path;
}

/** Rounds stand in one line each, so that a file can be read. */
const numberList = /\[[-\d.,\se+]+\]/g;

/** The newest full-size result of a benchmark that is kept, or undefined. */
export function newestResult(name: string): StoredResult | undefined {
  const form = new RegExp(`^${name}-\\d{4}-\\d{2}-\\d{2}\\.json$`);
  const newest = readdirSync(folder)
    .filter((file) => form.test(file))
    .sort()
    .at(-1);
  if (newest === undefined) return undefined;
  return JSON.parse(readFileSync(join(folder, newest), 'utf8')) as StoredResult;
}
