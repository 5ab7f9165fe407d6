/**
 * Owns bytes that come in pieces: a buffer that grows up to a bound.
 */
const bytesStart = 1_024;

/** Bytes so far. Past the bound they are counted and not kept. */
export class ByteBuffer {
  readonly #max: number;
  #bytes = new Uint8Array(0);
  #length = 0;
  #over = false;

  constructor(max: number) {
    this.#max = max;
  }

  get length(): number {
    return this.#length;
  }

  /** More came than the bound allows. */
  get over(): boolean {
    return this.#over;
  }

  /** What was kept; valid until the next change. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  add(piece: Uint8Array): void {
    if (this.#over) return;
    if (this.#length + piece.length > this.#max) {
      this.#over = true;
      return;
    }
    this.#reserve(this.#length + piece.length);
    this.#bytes.set(piece, this.#length);
    this.#length += piece.length;
  }

  clear(): void {
    this.#length = 0;
    this.#over = false;
  }

  /** Forgets the bytes, and gives their memory back. */
  drop(): void {
    this.clear();
    this.#bytes = new Uint8Array(0);
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#bytes.length) return;
    const size = Math.min(this.#max, Math.max(bytes, this.#bytes.length * 2, bytesStart));
    const grown = new Uint8Array(size);
    grown.set(this.bytes);
    this.#bytes = grown;
  }
}
