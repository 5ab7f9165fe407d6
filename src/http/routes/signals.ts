/** Owns the routes by which a run is told something, and says something of itself. */
import { z } from 'zod';
import { HoldfastError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import { given, idOf } from '../given.ts';
import { mustSee } from '../isolation.ts';
import { jsonValue } from '../json-value.ts';
import { type Route, route } from '../route.ts';
import * as s from '../schemas.ts';

const refusals = ['run.not_found', 'key.invalid'] as const;

const send = route({
  ...{ method: 'post', path: '/api/v1/runs/{id}/signals/{name}', name: 'signalRun' },
  tag: 'durable code',
  summary: 'Tell a run something that its function declares',
  description:
    'Kept, it is given to the run in its order, once. Sent again under its id it is one signal. ' +
    'What the run says about it: `.../signals/{signal}/answer`.',
  scope: 'start',
  params: z.strictObject({ id: s.runId, name: s.key }),
  body: s.signalBody,
  headers: { 'Idempotency-Key': 'the id of the signal, as `id` in the body' },
  answers: {
    200: { description: 'It was there already', schema: s.emitted },
    201: { description: 'It is kept: the run will be given it, or end', schema: s.emitted },
  },
  refusals: [
    ...refusals,
    ...(['run.already_done', 'signal.unknown', 'input.invalid', 'payload.too_large'] as const),
    ...(['signal.conflict', 'signals.full'] as const),
  ],
  async handle({ hf, caller, params: { id: runId, name }, body, header }) {
    await mustSee(hf, caller, runId);
    const { data = null, id } = body;
    const options = idOf(id, header('idempotency-key'));
    const sent = await hf.runs.signal(runId, name, data, options);
    const { id: kept, created } = sent;
    return { status: created ? 201 : 200, body: { id: kept, created } };
  },
});

const answer = route({
  ...{ method: 'get', path: '/api/v1/runs/{id}/signals/{signal}/answer', name: 'getAnswer' },
  tag: 'durable code',
  summary: 'What a run said about a signal; waits for that for up to `waitMs`',
  description: '`open`: nothing yet. `unanswered`: the run has ended without a word about it.',
  scope: 'read',
  params: z.strictObject({ id: s.runId, signal: s.runId }),
  query: z.strictObject({ waitMs: s.wholeText(0, limits.httpWaitMsMax).optional() }),
  answers: { 200: { description: 'How it stands', schema: s.signalAnswer } },
  refusals: [...refusals, 'signal.not_found'],
  async handle({ hf, caller, params: { id, signal: of }, query: { waitMs = 0 }, signal }) {
    await mustSee(hf, caller, id);
    try {
      const said = await hf.runs.answer(id, of, { timeoutMs: waitMs, ...given({ signal }) });
      const value = said.state === 'accepted' ? jsonValue(said.value) : null;
      const reason = said.state === 'refused' ? said.reason : null;
      return { status: 200, body: { id: of, state: said.state, value, reason } };
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.code !== 'wait.timeout') throw error;
      return { status: 200, body: { id: of, state: 'open', value: null, reason: null } };
    }
  },
});

const state = route({
  ...{ method: 'get', path: '/api/v1/runs/{id}/state', name: 'getState', tag: 'durable code' },
  summary: 'What a run declares of itself, by name',
  scope: 'read',
  params: z.strictObject({ id: s.runId }),
  answers: { 200: { description: 'All names with their values', schema: s.declaredState } },
  refusals,
  async handle({ hf, caller, params: { id } }) {
    await mustSee(hf, caller, id);
    const values = await hf.runs.state(id);
    const shown = values.map((one) => ({ ...one, value: jsonValue(one.value) }));
    return { status: 200, body: { values: shown } };
  },
});

export const signalRoutes: readonly Route[] = [send, answer, state];
