/**
 * Owns array parameters in the binary form of the server: it reads them without parsing anything.
 *
 * A1 An array has one dimension, counted from 1, and no nulls.
 */

const headBytes = 20;
const int8Type = 20;
const textType = 25;

function headOf(buffer: Buffer, type: number, length: number): void {
  buffer.writeInt32BE(length === 0 ? 0 : 1, 0);
  buffer.writeInt32BE(0, 4);
  buffer.writeInt32BE(type, 8);
  if (length === 0) return;
  buffer.writeInt32BE(length, 12);
  buffer.writeInt32BE(1, 16);
}

const head = (length: number): number => (length === 0 ? 12 : headBytes);

/** Whole numbers as a `bigint[]`. */
export function int8Array(values: readonly number[]): Buffer {
  const buffer = Buffer.allocUnsafe(head(values.length) + 12 * values.length);
  headOf(buffer, int8Type, values.length);
  let at = head(values.length);
  for (const value of values) {
    buffer.writeInt32BE(8, at);
    const high = Math.floor(value / 0x1_0000_0000);
    buffer.writeInt32BE(high, at + 4);
    buffer.writeUInt32BE(value - high * 0x1_0000_0000, at + 8);
    at += 12;
  }
  return buffer;
}

/** Texts as a `text[]`. They hold no NUL. */
export function textArray(values: readonly string[]): Buffer {
  let bytes = head(values.length);
  for (const value of values) bytes += 4 + Buffer.byteLength(value);
  const buffer = Buffer.allocUnsafe(bytes);
  headOf(buffer, textType, values.length);
  let at = head(values.length);
  for (const value of values) {
    const written = buffer.write(value, at + 4);
    buffer.writeInt32BE(written, at);
    at += 4 + written;
  }
  return buffer;
}
