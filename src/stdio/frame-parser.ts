/**
 * Owns what the bytes on standard input mean. Pure: bytes in, events out; nothing is read, written
 * or waited for here.
 *
 * P1 However the bytes are cut into pieces, the events are the same.
 * P2 A body is its bytes: only the line end before FUNCTION_PAYLOAD_END is taken off.
 * P3 Strict (the default): in a body nothing is obeyed. Only the complete header of another call,
 *    of six words or more, ends a body that was cut off: agents write each frame in one piece.
 *    Compatible: cancels, progress and QUIT are obeyed in a body, as older agents expect.
 * P4 Whatever breaks a rule costs at most its own frame: what follows is read.
 * P5 Memory is bounded: one command line and one body.
 */
import { limits } from '../core/limits.ts';
import { ByteBuffer } from './byte-buffer.ts';
import { type CallHeader, readHeader, salvagedUid, textOf, uidOf } from './header-line.ts';

/** A call as it came in. */
export interface WireCall extends CallHeader {
  /** Null: it came without a body. */
  readonly body: Uint8Array | null;
}

/** What was read. */
export type WireEvent =
  | { readonly is: 'call'; readonly call: WireCall }
  /** `early`: it ended the frame of that very call, which was not whole yet. */
  | { readonly is: 'cancel'; readonly uid: string; readonly early: boolean }
  | { readonly is: 'progress'; readonly uid: string }
  | { readonly is: 'quit' }
  /** A call that could not be read. `uid` null: nobody can be told. */
  | {
      readonly is: 'refused';
      readonly uid: string | null;
      readonly code: 'call.malformed' | 'payload.too_large';
      readonly why: string;
    }
  /** A line that means nothing. */
  | { readonly is: 'odd'; readonly why: string };

const lf = 0x0a;
const cr = 0x0d;
const newLine = Uint8Array.of(lf);
const none: readonly WireEvent[] = [];
const shownChars = 80;
/** Bytes that are kept of a command that is too long. */
const headBytes = 512;

/** A body that is being read. `uid` null: its header was refused already. */
interface Open {
  readonly header: CallHeader | null;
}

const withBody = 'FUNCTION_PAYLOAD';
const nobody: Open = { header: null };

/** Reads a stream. */
export class FrameParser {
  readonly #compat: boolean;
  readonly #line = new ByteBuffer(limits.stdioLineBytesMax + 1);
  readonly #body = new ByteBuffer(limits.stdioBodyBytesMax + 2);
  /** Of a command that is too long enough is kept to find out whose it was. */
  readonly #head = new ByteBuffer(2 * headBytes);
  /** The line is too long for a command; in a body its bytes go there as they come. */
  #long = false;
  #open: Open | null = null;
  #ended = false;
  #events: WireEvent[] = [];

  constructor({ compat = false }: { readonly compat?: boolean } = {}) {
    this.#compat = compat;
  }

  /** Nothing is read any more. */
  get ended(): boolean {
    return this.#ended;
  }

  /** More bytes came. */
  push(piece: Uint8Array): readonly WireEvent[] {
    let at = 0;
    while (at < piece.length && !this.#ended) {
      const end = piece.indexOf(lf, at);
      this.#take(piece.subarray(at, end === -1 ? piece.length : end));
      if (end === -1) break;
      this.#endLine();
      at = end + 1;
    }
    return this.#told();
  }

  /** No more will come. A last QUIT has no line end: agents write it so. */
  end(): readonly WireEvent[] {
    if (this.#ended) return none;
    const rest = this.#long ? '(a long line)' : textOf(bare(this.#line.bytes));
    this.#abandon('the input ended within its body');
    if (rest === 'QUIT') this.#tell({ is: 'quit' });
    else if (rest !== '') this.#odd('a line was not ended', rest);
    this.#ended = true;
    return this.#told();
  }

  #told(): readonly WireEvent[] {
    if (this.#events.length === 0) return none;
    const events = this.#events;
    this.#events = [];
    return events;
  }

  #tell(event: WireEvent): void {
    this.#events.push(event);
  }

  #odd(why: string, line: string): void {
    this.#tell({ is: 'odd', why: `${why}: ${JSON.stringify(line.slice(0, shownChars))}` });
  }

  #take(piece: Uint8Array): void {
    if (!this.#long) {
      const before = this.#line.length;
      this.#line.add(piece);
      if (!this.#line.over) return;
      this.#long = true;
      if (this.#open !== null) this.#body.add(this.#line.bytes.subarray(0, before));
    }
    if (this.#open !== null) this.#body.add(piece);
    else if (this.#head.length < headBytes) this.#head.add(piece.subarray(0, headBytes));
  }

  #endLine(): void {
    const { bytes } = this.#line;
    if (this.#long) this.#endLong(bytes);
    else if (this.#open === null) this.#command(bare(bytes));
    else this.#bodyLine(this.#open, bytes);
    this.#long = false;
    this.#line.clear();
    this.#head.clear();
  }

  #endLong(begun: Uint8Array): void {
    if (this.#open !== null) {
      this.#body.add(newLine);
      return;
    }
    const head = new Uint8Array([...begun.subarray(0, headBytes), ...this.#head.bytes]);
    const text = textOf(head.subarray(0, headBytes));
    this.#tooLong(text);
  }

  /** The line of nobody, or of a call; of one with a body, that body follows. */
  #tooLong(text: string): void {
    this.#refuse(salvagedUid(text), `its line takes more than ${limits.stdioLineBytesMax} bytes`);
    if (text.startsWith(`${withBody} `)) this.#open = nobody;
  }

  #refuse(uid: string | null, why: string): void {
    this.#tell({ is: 'refused', uid, code: 'call.malformed', why });
  }

  #command(line: Uint8Array): void {
    if (line.length === 0) return;
    const text = textOf(line);
    const tooLong = line.length > limits.stdioLineBytesMax;
    const space = text.indexOf(' ');
    switch (space === -1 ? text : text.slice(0, space)) {
      case 'FUNCTION':
      case withBody:
        if (tooLong) this.#tooLong(text);
        else this.#header(text);
        return;
      case 'FUNCTION_CANCEL': {
        const uid = uidOf(text, [2]);
        if (uid === null) this.#odd('a cancel takes one uid', text);
        else this.#tell({ is: 'cancel', uid, early: false });
        return;
      }
      case 'FUNCTION_PROGRESS': {
        const uid = uidOf(text, [2, 4]);
        if (uid === null) this.#odd('progress takes a uid', text);
        else this.#tell({ is: 'progress', uid });
        return;
      }
      default:
        if (text === 'QUIT') this.#quit();
        else this.#odd('no such command', text);
    }
  }

  #header(text: string): void {
    const read = readHeader(text);
    if (!read.ok) this.#refuse(read.uid, read.why);
    // Also behind a header that was refused comes a body, which must not be obeyed.
    if (text.startsWith(withBody)) this.#open = read.ok ? { header: read.header } : nobody;
    else if (read.ok) this.#tell({ is: 'call', call: { ...read.header, body: null } });
  }

  #bodyLine(open: Open, line: Uint8Array): void {
    // Most lines of most bodies begin with something else than a command does.
    const [first] = line;
    const maybe = first === 0x46 || first === 0x51;
    if (maybe && this.#obeyed(open, textOf(bare(line)))) return;
    this.#body.add(line);
    this.#body.add(newLine);
  }

  /** Whether the line is no part of the body (P3). */
  #obeyed(open: Open, text: string): boolean {
    if (text === 'FUNCTION_PAYLOAD_END') {
      this.#deliver(open);
      return true;
    }
    if (/^FUNCTION(_PAYLOAD)? /.test(text)) return this.#resync(text);
    if (!this.#compat) return false;
    if (text === 'QUIT') {
      this.#abandon('QUIT came within its body');
      this.#quit();
      return true;
    }
    if (text.startsWith('FUNCTION_CANCEL ')) return this.#cancelWithin(open, uidOf(text, [2]));
    if (!text.startsWith('FUNCTION_PROGRESS ')) return false;
    const uid = uidOf(text, [2, 4]);
    if (uid !== null) this.#tell({ is: 'progress', uid });
    return uid !== null;
  }

  #cancelWithin({ header }: Open, uid: string | null): boolean {
    if (uid === null) return false;
    const early = header !== null && uid === header.uid;
    if (early) this.#close();
    this.#tell({ is: 'cancel', uid, early });
    return true;
  }

  /** The frame was cut off, and another one begins. */
  #resync(text: string): boolean {
    const read = readHeader(text);
    if (!read.ok || (!this.#compat && read.header.words < 6)) return false;
    if (text.length > limits.stdioLineBytesMax) return false;
    this.#abandon('another call began within its body');
    this.#header(text);
    return true;
  }

  #deliver({ header }: Open): void {
    const { bytes, over } = this.#body;
    const body = withoutLineEnd(bytes);
    if (header !== null) {
      if (over || body.length > limits.stdioBodyBytesMax) this.#refuseBody(header);
      else this.#tell({ is: 'call', call: { ...header, body: body.slice() } });
    }
    this.#close();
  }

  #refuseBody({ uid }: CallHeader): void {
    const why = `its body takes more than ${limits.stdioBodyBytesMax} bytes`;
    this.#tell({ is: 'refused', uid, code: 'payload.too_large', why });
  }

  /** A body will not be whole any more. */
  #abandon(why: string): void {
    const header = this.#open?.header ?? null;
    if (header !== null) {
      if (this.#body.over) this.#refuseBody(header);
      else this.#refuse(header.uid, why);
    }
    this.#close();
  }

  #close(): void {
    this.#open = null;
    this.#body.drop();
  }

  #quit(): void {
    this.#ended = true;
    this.#tell({ is: 'quit' });
  }
}

const bare = (line: Uint8Array): Uint8Array =>
  line.at(-1) === cr ? line.subarray(0, line.length - 1) : line;

/** P2 */
const withoutLineEnd = (body: Uint8Array): Uint8Array =>
  body.at(-1) === lf ? bare(body.subarray(0, body.length - 1)) : body;
