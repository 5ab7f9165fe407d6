/**
 * Owns how the parts of a run look to users of the client: as in the library, though they travel as
 * text and base64.
 */
import type { RunPart } from '../runtime/parts.ts';

/** A page of the parts of a run; `next` is the offset from which to go on. */
export interface PartPage {
  readonly parts: readonly RunPart[];
  readonly next: number;
  /** There will be no more behind it. */
  readonly ended: boolean;
}

/** A part as it travels. */
export interface SentPart {
  readonly offset: number;
  readonly attempt: number;
  readonly text?: string;
  readonly base64?: string;
  readonly truncated?: number;
}

/** A part as it is given. */
export function partOf({ offset, attempt, text, base64, truncated }: SentPart): RunPart {
  const data = base64 === undefined ? (text ?? '') : bytesOf(base64);
  return { offset, attempt, data, ...(truncated === undefined ? {} : { truncated }) };
}

/** With what every browser has. */
const bytesOf = (base64: string): Uint8Array =>
  Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
