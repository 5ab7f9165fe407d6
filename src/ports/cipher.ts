/**
 * Owns the port to whoever keeps payloads secret: texts are sealed before they reach the store, and
 * opened behind it.
 *
 * C1 A sealed text is the text of a JSON object that begins with the name of its cipher as `$hf`.
 *    Stored format.
 * C2 Sealing and opening may take time: a promise, for a service that keeps the keys. What is
 *    answered at once costs no turn.
 * C3 A text is sealed for the place where it stands: a word that a cipher authenticates with the
 *    text and does not look into. What was sealed before there were places opens at all of them.
 */

/** What a text is. A text that was sealed as one of these opens as nothing else. */
export type Purpose =
  | 'input'
  | 'result'
  | 'progress'
  | 'step'
  | 'event'
  | 'decision'
  | 'error'
  | 'log'
  | 'parts'
  | 'signal'
  | 'state';

/** Now, or later. */
export type Soon<T> = T | Promise<T>;

/** What a text may have been sealed to before. */
export interface EarlierText {
  readonly sealed: string;
  /** False: before there were places (C3). */
  readonly placed: boolean;
}

/** Seals texts and opens them. */
export interface Cipher {
  /** The `$hf` of what it seals. Never changes: it is stored. */
  readonly name: string;
  /** Bytes that a text may have, so that it has no more than `sealedBytesMax` once it is sealed. */
  room(sealedBytesMax: number): number;
  /**
   * Seals a text. With `same` the same text under the same word gives the same sealed text, so that
   * asking twice is seen to be asking for the same; without it (null) nothing is ever the same.
   * What it throws is taken for a fault that passes: it is tried again.
   */
  seal(text: string, purpose: Purpose, same: string | null, place: string): Soon<string>;
  /** What `seal` may have given for this under an earlier key, or in an earlier form. */
  earlier(
    text: string,
    purpose: Purpose,
    same: string,
    place: string,
  ): Soon<readonly EarlierText[]>;
  /**
   * Opens a sealed text. Throws `payload.no_key` where it does not have the key, and
   * `payload.damaged` for what it did not seal as this for this place. Anything else that it throws
   * is taken for a fault that passes.
   */
  open(sealed: string, purpose: Purpose, place: string): Soon<string>;
  /**
   * A word that stands for a text wherever the text stands, from which nobody learns the text: by
   * it the store compares what is inside of events. Null: it has none, and nothing is compared.
   */
  readonly blind: ((text: string) => string) | null;
}
