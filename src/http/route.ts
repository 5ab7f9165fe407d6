/**
 * Owns what a route is: one description from which its checks, its place in the OpenAPI document
 * and its answer come.
 *
 * R1 A handler gets values that were checked by its schemas, and nothing else of the request.
 * R2 Unknown fields and parameters are refused: a misspelt one would be ignored in silence.
 * R3 A route that speaks of the whole store is not there for a key that is bound to a tenant.
 */
import { z } from 'zod';
import type { KeyScope } from '../core/access.ts';
import { type ErrorCode, HoldfastError } from '../core/errors.ts';
import type { Holdfast } from '../holdfast.ts';
import type { Clock } from '../ports/clock.ts';
import type { Caller } from './caller.ts';
import type { Cursors } from './cursor.ts';
import type { EventStream } from './event-stream.ts';
import type { Load, Metering } from './metering.ts';
import type { Operations } from './operations.ts';

/** What all handlers share. */
export interface Services {
  readonly hf: Holdfast;
  readonly clock: Clock;
  readonly operations: Operations;
  readonly cursors: Cursors;
  readonly metering: Metering;
  /** Requests and streams under way. */
  readonly load: () => Load;
  /** Whether metrics tell of the store, too. */
  readonly ofStore: boolean;
  /** Whether the server takes requests still. */
  readonly draining: () => boolean;
}

/** One request as a handler sees it. */
export interface Call<P, Q, B> extends Services {
  readonly caller: Caller;
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly requestId: string;
  /** Opens a stream to whoever asks; throws `http.busy` when there are too many. */
  readonly openStream: () => EventStream;
  /** The trace of this request as a `traceparent`, or undefined. */
  readonly trace: string | undefined;
  /** A header, or undefined. */
  readonly header: (name: string) => string | undefined;
  /** Aborted when whoever asks is gone, or the server drains; the reason is the answer then. */
  readonly signal: AbortSignal;
}

/** What a handler answers. */
export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of a body: no JSON; its content type stands among the headers. */
  readonly text?: string;
  /** Instead of a body: the handler goes on writing to it. */
  readonly stream?: EventStream;
}

/** One kind of answer, for the document. */
export interface AnswerKind {
  readonly description: string;
  /** Null: no body. `stream`: server-sent events. `text`: plain text. */
  readonly schema: z.ZodType | null | 'stream' | 'text';
}

/** What stands in the document, and decides who may ask. */
interface RouteFacts {
  readonly method: 'get' | 'post' | 'put';
  /** From the root, with `{name}` for parameters. */
  readonly path: string;
  readonly name: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** Null: anybody may ask, with or without a key. */
  readonly scope: KeyScope | null;
  /** R3 */
  readonly wholeStore?: boolean;
  readonly answers: Readonly<Record<number, AnswerKind>>;
  /** Codes beside those that every route may answer with. */
  readonly refusals?: readonly ErrorCode[];
  /** Request headers that mean something here. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A route as it is written. */
interface RouteSpec<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType>
  extends RouteFacts {
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  handle(call: Call<z.output<P>, z.output<Q>, z.output<B>>): Promise<Answer> | Answer;
}

/** What came with a request, unchecked. */
export interface Given {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
}

type Asked = Omit<Call<unknown, unknown, unknown>, keyof Given>;

/** A route as the server uses it. */
export interface Route extends RouteFacts {
  readonly params: z.ZodType;
  readonly query: z.ZodType;
  readonly body: z.ZodType | null;
  /** Checks what was given, then answers. */
  answer(asked: Asked, given: Given): Promise<Answer>;
}

const nothing = z.strictObject({});

/** Makes a route. */
export function route<
  P extends z.ZodType = typeof nothing,
  Q extends z.ZodType = typeof nothing,
  B extends z.ZodType = typeof nothing,
>(spec: RouteSpec<P, Q, B>): Route {
  const { handle, params, query, body, ...facts } = spec;
  const schemas = { params: params ?? nothing, query: query ?? nothing, body: body ?? nothing };
  return {
    ...facts,
    ...schemas,
    body: spec.method === 'get' ? null : schemas.body,
    async answer(asked, given) {
      // The defaults of the type parameters stand for the schemas that were left out.
      const call = {
        ...asked,
        params: checked(schemas.params, given.params, 'the path'),
        query: checked(schemas.query, given.query, 'the query'),
        body: spec.method === 'get' ? {} : checked(schemas.body, given.body ?? {}, 'the body'),
      } as Call<z.output<P>, z.output<Q>, z.output<B>>;
      return handle(call);
    },
  };
}

const issuesMax = 10;

/** R1 */
function checked(schema: z.ZodType, value: unknown, what: string): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.slice(0, issuesMax).map(({ path, message }) => ({
    path: path.map(String).join('.'),
    message,
  }));
  const words = issues.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
  throw new HoldfastError('request.invalid', `${what} is not as it must be: ${words.join('; ')}`, {
    details: { issues },
  });
}
