/** Owns the routes of bulk actions that go on behind their request. */
import { z } from 'zod';
import { checkOptions, invalid } from '../../core/check.ts';
import { given, refuseIdempotencyKey } from '../given.ts';
import { tenantFor } from '../isolation.ts';
import { type Route, route } from '../route.ts';
import * as s from '../schemas.ts';

/** What a filter of dead letters may have. */
const deadWords = ['fn', 'tenant'];

/** Actions that keep no reason. */
const silent: ReadonlySet<string> = new Set(['retry', 'redrive']);

const start = route({
  ...{ method: 'post', path: '/api/v1/operations', name: 'startOperation', tag: 'operations' },
  summary: 'Act on every run, or dead letter, that a filter matches, behind this request',
  description:
    'The process that was asked does it and remembers it; it is forgotten when that process ' +
    'ends, or when 100 others came after it. `redrive` and `discard` act on dead letters, whose ' +
    'filter has `fn` and `tenant`.',
  scope: 'operate',
  body: s.operationBody,
  answers: { 202: { description: 'It has begun; `Location` names it', schema: s.operation } },
  refusals: ['http.busy', 'key.invalid'],
  handle({ caller, operations, body: { action, filter, reason }, header }) {
    refuseIdempotencyKey(header('idempotency-key'), 'the list of operations shows what has begun');
    if (reason !== undefined && silent.has(action)) {
      throw invalid('reason', reason, `nobody is told one by '${action}'; leave it out`);
    }
    const tenant = tenantFor(caller, filter.tenant);
    const own = given({ ...filter, tenant });
    if (action === 'redrive' || action === 'discard') checkOptions('filter', own, deadWords);
    const ask = { action, filter: own, reason: reason ?? null };
    const view = operations.start(ask, caller.tenant);
    return { status: 202, headers: { location: `/api/v1/operations/${view.id}` }, body: view };
  },
});

const list = route({
  ...{ method: 'get', path: '/api/v1/operations', name: 'listOperations', tag: 'operations' },
  summary: 'Operations that this process remembers, newest first',
  scope: 'operate',
  answers: { 200: { description: 'The operations', schema: s.operationList } },
  handle: ({ caller, operations }) => ({
    status: 200,
    body: { operations: operations.list(caller.tenant) },
  }),
});

const get = route({
  ...{ method: 'get', path: '/api/v1/operations/{id}', name: 'getOperation', tag: 'operations' },
  summary: 'How far an operation is, and how it ended',
  scope: 'operate',
  params: z.strictObject({ id: s.runId }),
  answers: { 200: { description: 'The operation', schema: s.operation } },
  refusals: ['operation.not_found'],
  handle: ({ caller, operations, params: { id } }) => ({
    status: 200,
    body: operations.get(id, caller.tenant),
  }),
});

export const operationRoutes: readonly Route[] = [start, list, get];
