/**
 * Owns the format for values that plain JSON does not hold: dates, bigints, maps, sets, bytes,
 * undefined and a few more, by superjson.
 *
 * V1 What plain JSON holds is written as plain JSON. Anything else is an envelope that keeps the
 *    JSON in view: `$t` says which of its parts are more than they seem. An object stands in the
 *    envelope itself, so that events are matched by what they hold; all else stands under `$v`.
 * V2 What is no data is refused by name: functions, symbols, instances of classes, what holds
 *    itself. Nothing is left out in silence.
 * V3 An envelope may come from anybody. Only the types that are written here are read; none of them
 *    executes code, reaches a prototype, or takes more memory than a few times its text.
 */
import SuperJSON from 'superjson';
import type { ValueFormat } from '../../core/payload.ts';

const depthMax = 500;
const bytesName = 'bytes';
/** Types as superjson names them. */
const simpleTypes: ReadonlySet<unknown> = new Set([
  ...['undefined', 'bigint', 'Date', 'Error', 'regexp', 'set', 'map', 'number', 'URL'],
]);

/**
 * Values that are more than JSON: `Date`, `bigint`, `Map`, `Set`, `Uint8Array`, `undefined`, `NaN`,
 * infinities, `-0`, `RegExp`, `URL` and `Error` (its name, message and cause). They may be in each
 * other. Handlers, steps, events and results get them back as what they were.
 *
 * @example
 * await using hf = await Holdfast.open({ store: './jobs.db', codec: { values: richValues() } });
 */
export function richValues(): ValueFormat {
  const superjson = new SuperJSON();
  superjson.registerCustom<Uint8Array, string>(
    {
      isApplicable: (value): value is Uint8Array => value instanceof Uint8Array,
      serialize: ({ buffer, byteOffset, byteLength }) =>
        Buffer.from(buffer, byteOffset, byteLength).toString('base64'),
      deserialize: (text) => new Uint8Array(Buffer.from(textIn(text), 'base64')),
    },
    bytesName,
  );
  return {
    name: 'superjson',
    write(value) {
      if (!isRich(value)) return null;
      const { json, meta } = superjson.serialize(value);
      const types = { values: meta?.values, v: meta?.v };
      return standsAlone(json) ? { $t: types, ...json } : { $t: types, $v: json };
    },
    read({ $hf: _, $t, $v, ...own }) {
      const { values, v } = ($t ?? {}) as { readonly values?: unknown; readonly v?: unknown };
      const json = $v === undefined ? own : $v;
      if (values === undefined) return json;
      checkTypes(values, 0);
      const meta = { values, v: typeof v === 'number' ? v : 0 };
      return superjson.deserialize({ json, meta } as Parameters<typeof superjson.deserialize>[0], {
        inPlace: true,
      });
    },
  };
}

const textIn = (value: unknown): string => {
  if (typeof value === 'string') return value;
  throw new TypeError('it is no text');
};

/** V1: an object none of whose keys could be taken for one of the envelope. */
const standsAlone = (json: unknown): json is Record<string, unknown> =>
  typeof json === 'object' &&
  json !== null &&
  !Array.isArray(json) &&
  Object.keys(json).every((key) => !key.startsWith('$'));

/** Whether plain JSON does not hold it. Throws for what is no data (V2). */
function isRich(value: unknown): boolean {
  const found = { rich: false };
  visit(value, found, 0);
  const looksLikeOne = typeof value === 'object' && value !== null && '$hf' in value;
  return found.rich || looksLikeOne;
}

interface Found {
  rich: boolean;
}

function visit(value: unknown, found: Found, depth: number): void {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return;
    case 'number':
      if (!Number.isFinite(value) || Object.is(value, -0)) found.rich = true;
      return;
    case 'undefined':
      found.rich = true;
      return;
    case 'bigint':
      found.rich = true;
      return;
    case 'function':
    case 'symbol':
      throw new TypeError(`it holds a ${typeof value}`);
    case 'object':
      if (value !== null) visitObject(value, found, depth);
  }
}

function visitObject(value: object, found: Found, depth: number): void {
  if (depth > depthMax) {
    throw new TypeError(`it nests deeper than ${depthMax}, or holds itself`);
  }
  const visitAll = (parts: Iterable<unknown>): void => {
    for (const part of parts) visit(part, found, depth + 1);
  };
  if (Array.isArray(value)) {
    if (Object.keys(value).length < value.length) throw new TypeError('it holds a list with gaps');
    visitAll(value);
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) {
    visitAll(Object.values(value));
    return;
  }
  found.rich = true;
  if (value instanceof Map) {
    visitAll(value.keys());
    visitAll(value.values());
  } else if (value instanceof Set) visitAll(value);
  else if (value instanceof Error) visit(value.cause, found, depth + 1);
  else if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw new TypeError('it holds an invalid date');
  } else if (!isLeaf(value)) {
    throw new TypeError(`it holds an instance of ${nameOf(value)}`);
  }
}

const isLeaf = (value: object): boolean =>
  value instanceof Uint8Array || value instanceof RegExp || value instanceof URL;

const nameOf = (value: object): string => {
  const { name } = value.constructor ?? {};
  return typeof name === 'string' ? name.slice(0, 60) : 'a class';
};

/** V3: a tree of types, which stands beside the JSON. */
function checkTypes(tree: unknown, depth: number): void {
  if (depth > depthMax || typeof tree !== 'object' || tree === null) throw new TypeError('no type');
  let parts: unknown = tree;
  if (Array.isArray(tree)) {
    const [type, inner] = tree as readonly unknown[];
    const isBytes = Array.isArray(type) && type[0] === 'custom' && type[1] === bytesName;
    if (!isBytes && !simpleTypes.has(type)) throw new TypeError('an unknown type');
    parts = inner ?? {};
  }
  if (typeof parts !== 'object' || parts === null) throw new TypeError('no types');
  for (const part of Object.values(parts)) checkTypes(part, depth + 1);
}
