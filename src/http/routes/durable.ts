/** Owns the routes of durable code: steps of runs, children, forks, versions, events, decisions. */
import { z } from 'zod';
import { limits } from '../../core/limits.ts';
import { given, idOf } from '../given.ts';
import { keptId, mustSee, tenantFor } from '../isolation.ts';
import { type Route, route } from '../route.ts';
import * as s from '../schemas.ts';
import { stepBody } from '../views.ts';

const params = z.strictObject({ id: s.runId });
const refusals = ['run.not_found', 'key.invalid'] as const;

const steps = route({
  ...{ method: 'get', path: '/api/v1/runs/{id}/steps', name: 'listSteps', tag: 'durable code' },
  summary: 'What the code of a run has done and waits for, in the order in which it asked',
  description: '`after` is the `ord` of the last step that is known. Tokens are not shown here.',
  scope: 'read',
  params,
  query: z
    .strictObject({
      after: s.wholeText(0, Number.MAX_SAFE_INTEGER),
      limit: s.wholeText(1, limits.stepPageRowsMax),
    })
    .partial(),
  answers: { 200: { description: 'A page', schema: s.stepPage } },
  refusals,
  async handle({ hf, caller, params: { id }, query }) {
    await mustSee(hf, caller, id);
    const page = await hf.runs.steps(id, given(query));
    return { status: 200, body: { steps: page.steps.map(stepBody), next: page.next } };
  },
});

const children = route({
  ...{ method: 'get', path: '/api/v1/runs/{id}/children', name: 'listChildren' },
  tag: 'durable code',
  summary: 'The runs that the code of a run has started, in the order of their acceptance',
  scope: 'read',
  params,
  query: z
    .strictObject({
      cursor: z.string().min(1).max(100).describe('`next` of the page before'),
      limit: s.wholeText(1, limits.childPageRowsMax),
    })
    .partial(),
  answers: { 200: { description: 'A page', schema: s.childPage } },
  refusals,
  async handle({ hf, caller, cursors, params: { id }, query: { limit, cursor } }) {
    await mustSee(hf, caller, id);
    const listed = { list: 'children', tenant: caller.tenant, of: id };
    const page = await hf.runs.children(id, {
      ...given({ limit }),
      ...(cursor === undefined ? {} : { cursor: await cursors.open(listed, cursor) }),
    });
    const next = page.next === null ? null : await cursors.seal(listed, page.next);
    return { status: 200, body: { children: page.children, next } };
  },
});

const fork = route({
  ...{ method: 'post', path: '/api/v1/runs/{id}/fork', name: 'forkRun', tag: 'durable code' },
  summary: 'Start a second run that goes on from a step of this one',
  description: 'It has the same input, and everything that was done before the step `from`.',
  scope: 'operate',
  params,
  body: s.forkBody,
  headers: { 'Idempotency-Key': 'the id of the new run, as `id` in the body' },
  answers: {
    200: { description: 'It was there already, under the id that was given', schema: s.made },
    201: { description: 'It is accepted; `Location` names it', schema: s.made },
  },
  refusals: [...refusals, 'step.not_found', 'run.conflict', 'tenant.full', 'store.full'],
  async handle({ hf, caller, params: { id: old }, body: { from, id: word, version }, header }) {
    const { id: asked } = idOf(word, header('idempotency-key'));
    await mustSee(hf, caller, old);
    const newId = asked === undefined ? undefined : keptId(caller, asked);
    const { id, created } = await hf.runs.fork(old, given({ from, id: newId, version }));
    const location = `/api/v1/runs/${encodeURIComponent(id)}`;
    return { status: created ? 201 : 200, headers: { location }, body: { id, created } };
  },
});

const repin = route({
  ...{ method: 'post', path: '/api/v1/runs/{id}/repin', name: 'repinRun', tag: 'durable code' },
  summary: 'Send a run on with the code of another version of its function',
  description:
    'A queued run keeps its place; a parked or quarantined one is executed at once. A run that ' +
    'is being executed, or has its outcome, is refused.',
  scope: 'operate',
  params,
  body: s.repinBody,
  answers: { 200: { description: 'Where it was pinned before', schema: s.repinned } },
  refusals: [...refusals, 'run.illegal_transition', 'run.already_done'],
  async handle({ hf, caller, params: { id }, body: { version } }) {
    await mustSee(hf, caller, id);
    const { before } = await hf.runs.repin(id, version);
    return { status: 200, body: { id, before } };
  },
});

const emit = route({
  ...{ method: 'post', path: '/api/v1/events', name: 'emitEvent', tag: 'durable code' },
  summary: 'Tell runs that wait for it that something happened',
  description: 'Sent again under its id it is one event. Without an id each sending is another.',
  scope: 'start',
  body: s.eventBody,
  headers: { 'Idempotency-Key': 'the id of the event, as `id` in the body' },
  answers: {
    200: { description: 'It was there already', schema: s.emitted },
    201: { description: 'It is kept, and ends the waits that it is for', schema: s.emitted },
  },
  refusals: ['key.invalid', 'payload.too_large', 'event.conflict', 'store.full'],
  async handle({ hf, caller, body: { name, data = null, id, tenant: asked }, header }) {
    const tenant = tenantFor(caller, asked);
    const named = idOf(id, header('idempotency-key'));
    const emitted = await hf.emit(name, data, given({ ...named, tenant }));
    return { status: emitted.created ? 201 : 200, body: emitted };
  },
});

const decide = route({
  ...{ method: 'post', path: '/api/v1/approvals/{token}', name: 'decide', tag: 'durable code' },
  summary: 'Let a run go on that waits for a decision',
  description: 'Whoever has the token may decide, once; no key is asked for.',
  scope: null,
  params: z.strictObject({ token: s.runId }),
  body: s.decisionBody,
  answers: { 200: { description: 'The run is told', schema: s.decided } },
  refusals: ['key.invalid', 'payload.too_large', 'approval.not_found', 'approval.already_done'],
  async handle({ hf, params: { token }, body: { state, by, data } }) {
    const word = state === 'approved' ? 'approve' : 'reject';
    await hf.approvals[word](token, given({ by, data }));
    return { status: 200, body: { state } };
  },
});

export const durableRoutes: readonly Route[] = [steps, children, fork, repin, emit, decide];
