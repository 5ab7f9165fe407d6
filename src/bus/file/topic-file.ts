/**
 * Owns one topic's file: a few bytes that name who wrote last, overwritten for each wake-up.
 *
 * I1 The file never grows: every signature has the same length and is written at the start.
 * I2 A file that was deleted or replaced is noticed (`lost`) before it is written or believed.
 * I3 Nothing is synced: a wake-up that a power cut takes away has nobody left to wake.
 */
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** One open topic file. Its methods throw what the file system throws. */
export class TopicFile {
  readonly path: string;
  readonly #descriptor: number;
  readonly #inode: string;
  readonly #signature: Buffer;
  readonly #seen: Buffer;

  /** Opens the file, making it and its folder (but not the parent of that) if they are missing. */
  constructor(path: string, signature: string) {
    this.path = path;
    this.#signature = Buffer.from(signature, 'latin1');
    this.#seen = Buffer.alloc(this.#signature.length);
    makeFolder(dirname(path));
    this.#descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    this.#inode = inodeOf(fstatSync(this.#descriptor));
  }

  /** Whether the path leads to another file by now, or to none (I2). */
  lost(): boolean {
    const found = statSync(this.path, { throwIfNoEntry: false });
    return found === undefined || inodeOf(found) !== this.#inode;
  }

  /** Wakes whoever watches the file. One small write into the page cache. */
  sign(): void {
    writeSync(this.#descriptor, this.#signature, 0, this.#signature.length, 0);
  }

  /** Whether the last wake-up was signed by this file's own signature. */
  signedHere(): boolean {
    const read = readSync(this.#descriptor, this.#seen, 0, this.#seen.length, 0);
    return read === this.#seen.length && this.#seen.equals(this.#signature);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

const inodeOf = (stat: { readonly dev: number; readonly ino: number }): string =>
  `${stat.dev}:${stat.ino}`;

/** Not recursive: a store whose own folder is gone must not get it back by way of its wake-ups. */
function makeFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    mkdirSync(folder, { mode: 0o700 });
  }
}
