/**
 * Owns the answer that says more than a value: with a status, a type, and bytes as they are.
 *
 * Y1 Nothing in it can break a line of a protocol: what cannot be told is refused when it is made.
 */
import { checkOptions, checkWhole, invalid } from '../check.ts';

/** What a reply is made of. */
export interface ReplyOptions {
  /** Default 200. */
  readonly status?: number;
  /** Default `text/plain`. */
  readonly contentType?: string;
  /** The body as it is. Default: none. */
  readonly body?: string | Uint8Array;
  /** Until when it may be kept, in ms since 1970. Default: not at all. */
  readonly expiresAt?: number;
}

const contentTypes = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(;[\w!#$&^.+=-]+)*$/;
const statusMax = 999;
const expiresMax = 8_640_000_000_000_000;

/**
 * What a handler returns to answer on stdio with a status and a body of its own.
 *
 * @example
 * return new Reply({ status: 404, contentType: 'text/plain', body: 'no such table' });
 */
export class Reply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Uint8Array;
  readonly expiresAt: number | null;

  constructor(options: ReplyOptions) {
    checkOptions('a reply', options, ['status', 'contentType', 'body', 'expiresAt']);
    const { status = 200, contentType = 'text/plain', body = '', expiresAt } = options;
    this.status = checkWhole('status', status, 100, statusMax);
    if (typeof contentType !== 'string' || !contentTypes.test(contentType)) {
      throw invalid('contentType', contentType, 'give one such as text/plain, without spaces');
    }
    if (typeof body !== 'string' && !(body instanceof Uint8Array)) {
      throw invalid('body', body, 'give text or bytes');
    }
    this.contentType = contentType;
    this.body = body;
    this.expiresAt =
      expiresAt === undefined ? null : checkWhole('expiresAt', expiresAt, 0, expiresMax);
  }
}
