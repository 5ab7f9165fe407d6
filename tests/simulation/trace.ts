/**
 * Owns the record of what happened in a simulated world, and its hash.
 *
 * T1 Every line is decided by the seed: no real time, no object identity, no order of real I/O.
 */
import { createHash } from 'node:crypto';

/** What happened, line by line. */
export class Trace {
  readonly #lines: string[] = [];
  readonly #now: () => number;
  readonly #echo: ((line: string) => void) | undefined;

  constructor(now: () => number, echo?: (line: string) => void) {
    this.#now = now;
    this.#echo = echo;
  }

  add(text: string): void {
    const line = `${this.#now().toFixed(0).padStart(8)} ${text}`;
    this.#lines.push(line);
    this.#echo?.(line);
  }

  get length(): number {
    return this.#lines.length;
  }

  tail(count: number): readonly string[] {
    return this.#lines.slice(-count);
  }

  /** The same for two worlds exactly if the same happened in both. */
  hash(): string {
    return createHash('sha256').update(this.#lines.join('\n')).digest('hex').slice(0, 16);
  }
}
