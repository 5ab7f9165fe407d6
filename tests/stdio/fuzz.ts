/**
 * Owns inputs that nobody should send: those of the corpus, and what chance makes of them; and the
 * judgement over what the parser says.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FrameParser, type WireEvent } from '../../src/stdio/frame-parser.ts';
import { isSafeUid } from '../../src/stdio/header-line.ts';
import { seededRandom } from '../../src/testing/index.ts';

const folder = join(import.meta.dirname, 'corpus');

/** One input. */
export interface Seed {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export const corpus = (): readonly Seed[] =>
  readdirSync(folder)
    .sort()
    .map((name) => ({ name, bytes: readFileSync(join(folder, name)) }));

/** All events of pieces. */
export function readIn(pieces: readonly Uint8Array[], compat: boolean): readonly WireEvent[] {
  const parser = new FrameParser({ compat });
  const events = pieces.flatMap((piece) => parser.push(piece));
  return [...events, ...parser.end()];
}

/** The bytes, cut into pieces of these sizes, and the rest. */
export function pieceOf(bytes: Uint8Array, sizes: readonly number[]): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (const size of sizes) {
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return [...pieces, bytes.subarray(at)];
}

/** What the parser says of bytes, and what is wrong with that. */
export function judged(bytes: Uint8Array): { events: readonly WireEvent[]; faults: string[] } {
  const faults: string[] = [];
  const events = readIn([bytes], false);
  for (const mode of [events, readIn([bytes], true)]) {
    const quits = mode.filter(({ is }) => is === 'quit').length;
    if (quits > 1) faults.push(`${quits} QUITs`);
    for (const event of mode) {
      const uid = event.is === 'call' ? event.call.uid : 'uid' in event ? event.uid : null;
      if (uid !== null && !isSafeUid(uid)) faults.push(`an unsafe uid ${JSON.stringify(uid)}`);
      if (event.is === 'call' && event.call.name === '') faults.push('a call of nobody');
    }
  }
  return { events, faults };
}

/** How much is tried. */
export interface FuzzAsk {
  readonly seed: number;
  readonly seconds: number;
  readonly say?: (line: string) => void;
}

/** Changes inputs of the corpus at random, and compares the whole with pieces of it. */
export function fuzz({ seed, seconds, say }: FuzzAsk): { inputs: number; faults: string[] } {
  const random = seededRandom(seed);
  const below = (n: number): number => Math.floor(random.next() * n);
  const seeds = corpus();
  const faults: string[] = [];
  const until = performance.now() + seconds * 1_000;
  let inputs = 0;
  while (performance.now() < until && faults.length < 5) {
    let bytes: Buffer = Buffer.from(seeds[below(seeds.length)]?.bytes ?? []);
    for (let change = below(6); change > 0; change -= 1) {
      const other = Buffer.from(seeds[below(seeds.length)]?.bytes ?? []);
      bytes = changed(bytes, other, below);
    }
    inputs += 1;
    const { events, faults: found } = judged(bytes);
    const sizes = Array.from({ length: below(20) }, () => below(60));
    if (JSON.stringify(readIn(pieceOf(bytes, sizes), false)) !== JSON.stringify(events)) {
      found.push(`pieces of ${sizes.join()} mean something else`);
    }
    for (const fault of found) faults.push(`${fault}: ${JSON.stringify(bytes.toString('latin1'))}`);
    if (inputs % 20_000 === 0) say?.(`${inputs} inputs`);
  }
  return { inputs, faults };
}

function changed(bytes: Buffer, other: Buffer, below: (n: number) => number): Buffer {
  const at = below(bytes.length + 1);
  const to = at + below(bytes.length - at + 1);
  switch (below(4)) {
    case 0:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), other, bytes.subarray(at)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)]);
    default: {
      const copy = Buffer.from(bytes);
      if (copy.length > 0) copy[below(copy.length)] = below(256);
      return copy;
    }
  }
}
