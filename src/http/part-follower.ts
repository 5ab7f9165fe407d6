/**
 * Owns the following of a run's parts over server-sent events: those that are there, those that
 * come, the mark that some are gone, and the end.
 *
 * F1 Parts come in order, each once: the offset of the last one that a reader has is where it goes
 *    on.
 * F2 The end of the run is told after its last part.
 */
import { base64Of } from '../engine/part-text.ts';
import type { Holdfast } from '../holdfast.ts';
import type { RunPart } from '../runtime/parts.ts';
import type { EventStream } from './event-stream.ts';
import { errorOf, problemOf } from './problem.ts';

/** What is followed, for whom. */
export interface PartFollowing {
  readonly hf: Holdfast;
  readonly stream: EventStream;
  readonly id: string;
  /** The first offset that the reader has not got. */
  readonly from: number;
  /** Aborted when the server drains or the reader is gone. */
  readonly signal: AbortSignal;
  readonly requestId: string;
}

/** A part as it goes out: its text, or its bytes as base64. */
export function partBody({ offset, attempt, data, truncated }: RunPart): object {
  if (truncated !== undefined) return { offset, attempt, truncated };
  return typeof data === 'string'
    ? { offset, attempt, text: data }
    : { offset, attempt, base64: base64Of(data) };
}

/** Writes parts until the run has ended, the reader is gone or the server drains. Never rejects. */
export async function followParts(following: PartFollowing): Promise<void> {
  const { hf, stream, id, from, signal, requestId } = following;
  try {
    for await (const part of hf.runs.parts(id, { from, signal })) {
      const event = part.truncated === undefined ? 'part' : 'truncated';
      const sent = { event, id: String(part.offset), data: partBody(part) };
      if (!(await stream.send(sent))) return;
    }
    const outcome = await hf.runs.handle(id).outcome({ signal });
    stream.finish({ event: 'end', data: { outcome } });
  } catch (thrown) {
    const error = errorOf(signal.aborted ? signal.reason : thrown);
    stream.finish({ event: 'problem', data: problemOf(error, requestId) });
  }
}
