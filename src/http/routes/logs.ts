/** Owns the routes of a run's log lines: as pages, and as a stream that follows. */
import { z } from 'zod';
import { invalid } from '../../core/check.ts';
import { limits } from '../../core/limits.ts';
import { logLevels } from '../../ports/log.ts';
import { given } from '../given.ts';
import { mustSee, visibleRun } from '../isolation.ts';
import { followLog } from '../log-follower.ts';
import { type Route, route } from '../route.ts';
import * as s from '../schemas.ts';

const params = z.strictObject({ id: s.runId });
const after = s.wholeText(0, Number.MAX_SAFE_INTEGER).optional();
const which = {
  attempt: s.wholeText(1, Number.MAX_SAFE_INTEGER).optional().describe('lines of it alone'),
  level: z.enum(logLevels).optional().describe('lines of it, and of those above it'),
};
const refusals = ['run.not_found', 'key.invalid'] as const;

const page = route({
  ...{ method: 'get', path: '/api/v1/runs/{id}/logs', name: 'listLogs', tag: 'logs' },
  summary: 'Lines that the handler logged, oldest first, after the line `after`',
  scope: 'read',
  params,
  query: z.strictObject({ after, limit: s.wholeText(1, limits.logLinesMax).optional(), ...which }),
  answers: { 200: { description: 'A page of lines', schema: s.logPage } },
  refusals,
  async handle({ hf, caller, params: { id }, query }) {
    await mustSee(hf, caller, id);
    return { status: 200, body: await hf.runs.logs(id, given(query)) };
  },
});

const stream = route({
  ...{ method: 'get', path: '/api/v1/runs/{id}/logs/stream', name: 'followLogs', tag: 'logs' },
  summary: 'The same as a stream that follows until the run has ended',
  description:
    'Events: `log` (data: LogLine, id: its `n`), `end` (data: `{ outcome }`), and `problem` ' +
    '(data: Problem) when the server has to end it earlier. Come back with `Last-Event-ID`.',
  scope: 'read',
  params,
  query: z.strictObject({ after, ...which }),
  headers: { 'Last-Event-ID': 'the id of the last event that was seen; goes before `after`' },
  answers: { 200: { description: 'The stream', schema: 'stream' } },
  refusals: [...refusals, 'http.busy'],
  async handle(call) {
    const {
      hf,
      caller,
      clock,
      params: { id },
      query: { after: from = 0, ...filter },
      signal,
      requestId,
    } = call;
    const last = lastEventOf(call.header('last-event-id')) ?? from;
    await visibleRun(hf, caller, id);
    const opened = call.openStream();
    const following = { hf, clock, stream: opened, id, after: last, signal, requestId };
    void followLog({ ...following, filter: given(filter) });
    return { status: 200, stream: opened };
  },
});

function lastEventOf(header: string | undefined): number | null {
  if (header === undefined || header === '') return null;
  if (/^\d{1,15}$/.test(header)) return Number(header);
  throw invalid('Last-Event-ID', header, 'give the id of an event of this stream');
}

export const logRoutes: readonly Route[] = [page, stream];
