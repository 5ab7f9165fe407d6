/**
 * The function of the tour: it reads one file and says how many lines and bytes it has, what they
 * hash to, and how small they get.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { defineFunction, NonRetryableError } from 'holdfast';
import { type FileInput, laneOf, placeOf, tenantOf } from './files.ts';
import { type Doer, effectOf, type Measure, openLedger } from './ledger.ts';

/** At most so many files of one extension at once, over all processes. */
const laneWidth = 8;

export interface Surroundings {
  /** The folder that the paths of the inputs are below. */
  readonly root: string;
  /** Where the effects are kept, and who keeps them there. Without it there are none. */
  readonly ledger?: { readonly path: string; readonly node: string };
  /** Called between the beginning of an attempt and its work. */
  readonly begun?: (file: FileInput, signal: AbortSignal) => Promise<void>;
}

/** The function, for one process. */
export function measureFunction({ root, ledger, begun }: Surroundings) {
  const book = ledger === undefined ? null : openLedger(ledger.path);
  return defineFunction({
    name: 'file.measure',
    lane: (file: FileInput) => ({ key: laneOf(file), width: laneWidth }),
    tenant: (file: FileInput) => tenantOf(file),
    run: async (file: FileInput, { runId: run, attempt, fence, signal }): Promise<Measure> => {
      const doer: Doer = { run, attempt, fence, node: ledger?.node ?? '-', pid: process.pid };
      book?.write([{ event: 'begin', ...doer }]);
      // The effect of an attempt that died after it stands: so it is not doubled.
      const effect = attempt > 1 && ledger !== undefined ? effectOf(ledger.path, run) : undefined;
      if (effect !== undefined) {
        book?.write([{ event: 'found', ...doer }]);
        return readable(effect.measure, file);
      }
      await begun?.(file, signal);
      const found = await measure(placeOf(root, file), signal).catch(() => null);
      signal.throwIfAborted();
      book?.write([{ event: 'end', ...doer, lane: laneOf(file), measure: found }]);
      return readable(found, file);
    },
  });
}

/** The function on its own, for `holdfast up examples/tour/app.ts`. */
export const measureFile = measureFunction({ root: process.cwd() });

function readable(found: Measure | null, { path }: FileInput): Measure {
  if (found !== null) return found;
  throw new NonRetryableError(`'${path}' cannot be read`, { code: 'file.unreadable' });
}

const newline = 0x0a;

/** Reads a file once, in pieces, however long it is. */
export async function measure(path: string | Buffer, signal: AbortSignal): Promise<Measure> {
  const digest = createHash('sha256');
  let [bytes, lines, last, gzipBytes] = [0, 0, newline, 0];
  await pipeline(
    createReadStream(path),
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        digest.update(chunk);
        bytes += chunk.length;
        last = chunk.at(-1) ?? last;
        for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, at + 1)) {
          lines += 1;
        }
        yield chunk;
      }
    },
    createGzip(),
    async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) gzipBytes += chunk.length;
    },
    { signal },
  );
  // Text behind the last newline is a line too.
  if (last !== newline) lines += 1;
  return { sha256: digest.digest('hex'), lines, bytes, gzipBytes };
}
