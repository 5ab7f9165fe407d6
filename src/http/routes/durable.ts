/** Owns the routes of durable code: steps of runs, forks, events, decisions. */
import { z } from 'zod';
import { limits } from '../../core/limits.ts';
import { given } from '../given.ts';
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

const fork = route({
  ...{ method: 'post', path: '/api/v1/runs/{id}/fork', name: 'forkRun', tag: 'durable code' },
  summary: 'Start a second run that goes on from a step of this one',
  description: 'It has the same input, and everything that was done before the step `from`.',
  scope: 'operate',
  params,
  body: s.forkBody,
  answers: {
    200: { description: 'It was there already, under the id that was given', schema: s.started },
    201: { description: 'It is accepted; `Location` names it', schema: s.started },
  },
  refusals: [...refusals, 'step.not_found', 'run.conflict', 'tenant.full', 'store.full'],
  async handle({ hf, caller, params: { id: old }, body: { from, id: asked } }) {
    await mustSee(hf, caller, old);
    const newId = asked === undefined ? undefined : keptId(caller, asked);
    const { id, created } = await hf.runs.fork(old, given({ from, id: newId }));
    const location = `/api/v1/runs/${encodeURIComponent(id)}`;
    return { status: created ? 201 : 200, headers: { location }, body: { id, created } };
  },
});

const emit = route({
  ...{ method: 'post', path: '/api/v1/events', name: 'emitEvent', tag: 'durable code' },
  summary: 'Tell runs that wait for it that something happened',
  description: 'Sent again under its id it is one event. Without an id each sending is another.',
  scope: 'start',
  body: s.eventBody,
  answers: {
    200: { description: 'It was there already', schema: s.emitted },
    201: { description: 'It is kept, and ends the waits that it is for', schema: s.emitted },
  },
  refusals: ['key.invalid', 'payload.too_large', 'event.conflict', 'store.full'],
  async handle({ hf, caller, body: { name, data = null, id, tenant: asked } }) {
    const tenant = tenantFor(caller, asked);
    const emitted = await hf.emit(name, data, given({ id, tenant }));
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

export const durableRoutes: readonly Route[] = [steps, fork, emit, decide];
