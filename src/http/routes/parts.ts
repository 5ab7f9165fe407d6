/** Owns the routes of a run's parts: as pages, and as a stream that follows. */
import { z } from 'zod';
import { invalid } from '../../core/check.ts';
import { limits } from '../../core/limits.ts';
import { given } from '../given.ts';
import { mustSee, visibleRun } from '../isolation.ts';
import { followParts, partBody } from '../part-follower.ts';
import { type Route, route } from '../route.ts';
import * as s from '../schemas.ts';

const params = z.strictObject({ id: s.runId });
const from = s.wholeText(0, Number.MAX_SAFE_INTEGER - 1).optional();
const refusals = ['run.not_found', 'key.invalid'] as const;

const page = route({
  ...{ method: 'get', path: '/api/v1/runs/{id}/parts', name: 'listParts', tag: 'parts' },
  summary: 'What the handler emitted, part by part, from the offset `from` on',
  description:
    'A page may be short before the end: go on from `next` until `ended`. Bytes are base64. ' +
    'Behind the last part of a run that emitted more than its limit stands one with `truncated`.',
  scope: 'read',
  params,
  query: z.strictObject({ from, limit: s.wholeText(1, limits.partsPageRowsMax).optional() }),
  answers: { 200: { description: 'A page of parts', schema: s.partPage } },
  refusals,
  async handle({ hf, caller, params: { id }, query }) {
    await mustSee(hf, caller, id);
    const { parts, next, ended } = await hf.runs.partPage(id, given(query));
    return { status: 200, body: { parts: parts.map(partBody), next, ended } };
  },
});

const stream = route({
  ...{ method: 'get', path: '/api/v1/runs/{id}/parts/stream', name: 'followParts', tag: 'parts' },
  summary: 'The same as a stream that follows until the run has ended',
  description:
    'Events: `part` (data: Part, id: its `offset`), `truncated` (data: Part, id: its `offset`), ' +
    '`end` (data: `{ outcome }`), and `problem` (data: Problem) when the server has to end it ' +
    'earlier. Come back with `Last-Event-ID`.',
  scope: 'read',
  params,
  query: z.strictObject({ from }),
  headers: { 'Last-Event-ID': 'the offset of the last part that was seen; goes before `from`' },
  answers: { 200: { description: 'The stream', schema: 'stream' } },
  refusals: [...refusals, 'http.busy'],
  async handle(call) {
    const {
      hf,
      caller,
      params: { id },
      query,
      signal,
      requestId,
    } = call;
    const first = nextOf(call.header('last-event-id')) ?? query.from ?? 0;
    await visibleRun(hf, caller, id);
    const opened = call.openStream();
    void followParts({ hf, stream: opened, id, from: first, signal, requestId });
    return { status: 200, stream: opened };
  },
});

function nextOf(header: string | undefined): number | null {
  if (header === undefined || header === '') return null;
  if (/^\d{1,15}$/.test(header)) return Number(header) + 1;
  throw invalid('Last-Event-ID', header, 'give the id of an event of this stream');
}

export const partRoutes: readonly Route[] = [page, stream];
