/**
 * Owns the OpenAPI 3.1 document: made from the same routes and shapes that check requests.
 *
 * D1 Every body that is sent or taken has a name among the components, or the document is not made.
 */
import { z } from 'zod';
import { type ErrorCode, errorTable, HoldfastError } from '../core/errors.ts';
import { packageVersion } from '../runtime/version.ts';
import { type Route, route } from './route.ts';
import { named, shapes } from './schemas.ts';

type Json = Record<string, unknown>;

/** The route that serves the document. */
export function documentRoute(routes: readonly Route[]): Route {
  const own: Route = route({
    ...{ method: 'get', path: '/api/v1/openapi.json', name: 'getOpenApi', tag: 'health' },
    summary: 'This document',
    scope: null,
    answers: { 200: { description: 'OpenAPI 3.1', schema: openApi } },
    handle: () => ({ status: 200, body: document }),
  });
  const document = openApiDocument([...routes, own]);
  return own;
}

const openApi = named('OpenApi', z.record(z.string(), z.unknown()));

/** The document. */
function openApiDocument(routes: readonly Route[]): Json {
  const paths: Record<string, Json> = {};
  for (const one of routes) paths[one.path] = { ...paths[one.path], [one.method]: operation(one) };
  return {
    openapi: '3.1.0',
    info: {
      title: 'holdfast',
      version: packageVersion(),
      description: 'Runs with one owner and one result.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: componentSchemas(),
      securitySchemes: {
        accessKey: { type: 'http', scheme: 'bearer', description: 'hf_..., see holdfast keys' },
      },
    },
  };
}

function componentSchemas(): Json {
  const uri = (id: string): string => `#/components/schemas/${id}`;
  const { schemas } = z.toJSONSchema(shapes, { uri, io: 'input' });
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, bare(schema)]));
}

/** What stands inside of the document needs no word on its dialect or place. */
function bare({ $schema, $id, ...schema }: Json): Json {
  return schema;
}

const reference = (schema: z.ZodType): Json => {
  const id = shapes.get(schema)?.id;
  if (id === undefined) throw new HoldfastError('internal.defect', 'a shape has no name');
  return { $ref: `#/components/schemas/${id}` };
};

function operation(one: Route): Json {
  const { name, tag, summary, description, scope, body, wholeStore = false } = one;
  const limited = wholeStore ? 'Not there for a key that is bound to a tenant.' : '';
  const words = [description ?? '', limited].filter((part) => part !== '').join(' ');
  const parameters = [
    ...parametersOf('path', one.params),
    ...parametersOf('query', one.query),
    ...Object.entries(one.headers ?? {}).map(([header, meaning]) => ({
      ...{ name: header, in: 'header', description: meaning, schema: { type: 'string' } },
    })),
  ];
  return {
    operationId: name,
    tags: [tag],
    summary,
    ...(words === '' ? {} : { description: words }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === null || shapes.get(body) === undefined
      ? {}
      : { requestBody: { content: { 'application/json': { schema: reference(body) } } } }),
    responses: { ...answersOf(one), ...refusalsOf(one) },
    security: scope === null ? [] : [{ accessKey: [] }],
    ...(scope === null ? {} : { 'x-holdfast-scope': scope }),
  };
}

function parametersOf(where: 'path' | 'query', schema: z.ZodType): readonly Json[] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'output' });
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: where,
    ...(required.includes(name) ? { required: true } : {}),
    schema: property,
  }));
}

function answersOf({ answers }: Route): Json {
  return Object.fromEntries(
    Object.entries(answers).map(([status, { description, schema }]) => {
      if (schema === null) return [status, { description }];
      if (schema === 'stream' || schema === 'text') {
        const type = schema === 'stream' ? 'text/event-stream' : 'text/plain';
        return [status, { description, content: { [type]: { schema: { type: 'string' } } } }];
      }
      const content = { 'application/json': { schema: reference(schema) } };
      return [status, { description, content }];
    }),
  );
}

const always: readonly ErrorCode[] = [
  ...(['request.invalid', 'http.malformed', 'http.duplicate_header'] as const),
  ...(['http.url_too_long', 'http.headers_too_large', 'http.busy'] as const),
  ...(['http.timeout', 'node.draining', 'internal.defect'] as const),
];
const withBody: readonly ErrorCode[] = [
  ...(['payload.too_large', 'http.media_type', 'http.not_json', 'http.too_deep'] as const),
];
const withStore: readonly ErrorCode[] = ['store.unavailable', 'store.busy', 'store.closed'];
const withKey: readonly ErrorCode[] = [
  ...(['auth.missing', 'auth.denied', 'http.wrong_host', 'http.wrong_origin'] as const),
];

/** Every code that a route may answer with. */
export function codesOf({ body, scope, wholeStore, refusals = [] }: Route): readonly ErrorCode[] {
  const codes: readonly ErrorCode[] = [
    ...always,
    ...(body === null ? [] : withBody),
    ...(scope === null ? [] : [...withStore, ...withKey]),
    ...(wholeStore === true ? (['http.no_route'] as const) : []),
    ...refusals,
  ];
  return [...new Set(codes)];
}

/** One entry a status, with its codes. */
function refusalsOf(one: Route): Json {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codesOf(one)) {
    const { http } = errorTable[code];
    byStatus.set(http, [...(byStatus.get(http) ?? []), code]);
  }
  const schema = { $ref: '#/components/schemas/Problem' };
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: codes.map((code) => `\`${code}\``).join(', '),
        content: { 'application/problem+json': { schema } },
      },
    ]),
  );
}
