/** Owns the routes of dead letters: runs that ended badly and that nobody has dealt with. */
import { z } from 'zod';
import { mustSee } from '../isolation.ts';
import { type Route, route } from '../route.ts';
import { runPage } from '../run-page.ts';
import * as s from '../schemas.ts';

const params = z.strictObject({ id: s.runId });
const refusals = ['run.not_found', 'dead.not_found', 'key.invalid'] as const;
const tag = 'dead letters';

const list = route({
  ...{ method: 'get', path: '/api/v1/dead-letters', name: 'listDeadLetters', tag },
  summary: 'Runs that failed, timed out, were lost or are quarantined, newest first',
  description: 'Those that were tried again or discarded are not among them.',
  scope: 'read',
  query: s.deadQuery,
  answers: { 200: { description: 'A page', schema: s.runPage } },
  refusals: ['key.invalid'],
  handle: (call) =>
    runPage(call, 'dead letters', call.query, (ask) => call.hf.deadLetters.list(ask)),
});

const redrive = route({
  ...{ method: 'post', path: '/api/v1/dead-letters/{id}/redrive', name: 'redriveDeadLetter', tag },
  summary: 'Try a dead letter again, at most once whoever asks',
  description:
    'A quarantined run goes on under its id (200); for one that has its outcome a new run with ' +
    'the same input is started (201).',
  scope: 'operate',
  params,
  answers: {
    200: { description: 'The run goes on', schema: s.made },
    201: { description: 'A new run is accepted; `Location` names it', schema: s.made },
  },
  refusals: [...refusals, 'run.illegal_transition', 'tenant.full', 'store.full'],
  async handle({ hf, caller, params: { id: old } }) {
    await mustSee(hf, caller, old);
    const { id } = await hf.deadLetters.redrive(old);
    const created = id !== old;
    const location = `/api/v1/runs/${encodeURIComponent(id)}`;
    return { status: created ? 201 : 200, headers: { location }, body: { id, created } };
  },
});

const discard = route({
  ...{ method: 'post', path: '/api/v1/dead-letters/{id}/discard', name: 'discardDeadLetter', tag },
  summary: 'Take a dead letter off the list for good; a quarantined run is cancelled',
  scope: 'operate',
  params,
  body: s.reasonBody,
  answers: { 204: { description: 'It is no dead letter any more', schema: null } },
  refusals,
  async handle({ hf, caller, params: { id }, body }) {
    await mustSee(hf, caller, id);
    await hf.deadLetters.discard(id, body.reason);
    return { status: 204 };
  },
});

export const deadLetterRoutes: readonly Route[] = [list, redrive, discard];
