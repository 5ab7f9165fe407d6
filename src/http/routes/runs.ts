/** Owns the routes of runs that exist: lists, one run, its result, and what is done with it. */
import { z } from 'zod';
import { HoldfastError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import type { Run } from '../../runtime/views.ts';
import { explainedFor } from '../explained.ts';
import { given, idOf } from '../given.ts';
import { keptId, mustSee, visibleRun } from '../isolation.ts';
import { jsonValue } from '../json-value.ts';
import { type Answer, type Route, route } from '../route.ts';
import { runPage } from '../run-page.ts';
import * as s from '../schemas.ts';
import { runBody } from '../views.ts';

const params = z.strictObject({ id: s.runId });
const refusals = ['run.not_found', 'key.invalid'] as const;

const list = route({
  ...{ method: 'get', path: '/api/v1/runs', name: 'listRuns', tag: 'runs' },
  summary: 'Runs, newest first. A page may be short before the end: `next` says if there is more',
  scope: 'read',
  query: s.listQuery,
  answers: { 200: { description: 'A page', schema: s.runPage } },
  refusals: ['key.invalid'],
  handle: (call) => runPage(call, 'runs', call.query, (ask) => call.hf.runs.list(ask)),
});

const get = route({
  ...{ method: 'get', path: '/api/v1/runs/{id}', name: 'getRun', tag: 'runs' },
  summary: 'Everything that is kept of a run',
  scope: 'read',
  params,
  answers: { 200: { description: 'The run', schema: s.run } },
  refusals,
  handle: async ({ hf, caller, params: { id } }) => ({
    status: 200,
    body: runBody(await visibleRun(hf, caller, id)),
  }),
});

const result = route({
  ...{ method: 'get', path: '/api/v1/runs/{id}/result', name: 'getResult', tag: 'runs' },
  summary: 'The result of a run, once it has succeeded; waits for that for up to `waitMs`',
  scope: 'read',
  params,
  query: z.strictObject({ waitMs: s.wholeText(0, limits.httpWaitMsMax).optional() }),
  answers: { 200: { description: 'The result', schema: s.result } },
  refusals: [...refusals, 'run.not_succeeded', 'wait.timeout'],
  async handle({ hf, caller, params: { id }, query: { waitMs = 0 }, signal }) {
    const run = await visibleRun(hf, caller, id);
    if (run.status === 'done') return resultOf(run);
    if (waitMs === 0) throw stillGoing(id, waitMs);
    try {
      const value = await hf.runs.result(id, { timeoutMs: waitMs, signal });
      return { status: 200, body: { id, result: jsonValue(value) } };
    } catch (error) {
      const code = error instanceof HoldfastError ? error.code : null;
      if (code !== 'payload.no_key' && code !== 'payload.damaged') throw error;
      return resultOf(await visibleRun(hf, caller, id));
    }
  },
});

function resultOf({ id, outcome, result: value }: Run): Answer {
  if (outcome?.kind === 'succeeded') return { status: 200, body: { id, result: jsonValue(value) } };
  const why = outcome?.error ? `: ${outcome.error.message} [${outcome.error.code}]` : '';
  const message = `run '${id}' ended as ${outcome?.kind}${why}`;
  throw new HoldfastError('run.not_succeeded', message, { details: { id, outcome } });
}

const stillGoing = (id: string, timeoutMs: number): HoldfastError =>
  new HoldfastError('wait.timeout', `run '${id}' has not ended; it goes on`, {
    details: { id, timeoutMs },
  });

const cancel = route({
  ...{ method: 'post', path: '/api/v1/runs/{id}/cancel', name: 'cancelRun', tag: 'runs' },
  summary: 'Cancel a run: at once if it has not begun, else its owner is told to stop',
  scope: 'operate',
  params,
  body: s.reasonBody,
  answers: { 200: { description: 'What was done', schema: s.cancelled } },
  refusals: [...refusals, 'run.already_done'],
  async handle({ hf, caller, params: { id }, body }) {
    await mustSee(hf, caller, id);
    const { state } = await hf.runs.cancel(id, body.reason);
    return { status: 200, body: { id, state } };
  },
});

const retry = route({
  ...{ method: 'post', path: '/api/v1/runs/{id}/retry', name: 'retryRun', tag: 'runs' },
  summary: 'Try a run again that did not succeed',
  description:
    'A quarantined run goes on under its id (200); for one that has its outcome a new run with ' +
    'the same input is started (201).',
  scope: 'operate',
  params,
  headers: { 'Idempotency-Key': 'the id of the new run: sent again, it is one' },
  answers: {
    200: { description: 'The run goes on', schema: s.made },
    201: { description: 'A new run is accepted; `Location` names it', schema: s.made },
  },
  refusals: [...refusals, 'run.illegal_transition', 'tenant.full', 'store.full'],
  async handle({ hf, caller, params: { id: old }, header }) {
    const { id: asked } = idOf(undefined, header('idempotency-key'));
    await mustSee(hf, caller, old);
    const newId = asked === undefined ? undefined : keptId(caller, asked);
    const { id, created } = await hf.runs.retry(old, given({ id: newId }));
    const location = `/api/v1/runs/${encodeURIComponent(id)}`;
    return { status: created ? 201 : 200, headers: { location }, body: { id, created } };
  },
});

const explain = route({
  ...{ method: 'get', path: '/api/v1/runs/{id}/explain', name: 'explainRun', tag: 'runs' },
  summary: 'One sentence that says why a run is where it is, and the facts behind it',
  scope: 'read',
  params,
  answers: { 200: { description: 'Why', schema: s.explained } },
  refusals,
  async handle({ hf, caller, params: { id } }) {
    await mustSee(hf, caller, id);
    return { status: 200, body: explainedFor(caller, await hf.runs.explain(id)) };
  },
});

const counts = route({
  ...{ method: 'get', path: '/api/v1/counts', name: 'countRuns', tag: 'runs' },
  summary: 'How many runs there are by status and by outcome',
  scope: 'read',
  wholeStore: true,
  answers: { 200: { description: 'The counts', schema: s.counts } },
  handle: async ({ hf }) => ({ status: 200, body: await hf.runs.counts() }),
});

export const runRoutes: readonly Route[] = [list, get, result, cancel, retry, explain, counts];
