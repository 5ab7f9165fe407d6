/**
 * Owns the routes of calls: calling a function of this process, and looking at what is under way.
 *
 * C1 Whoever goes away before the answer has cancelled its call; so has a server that drains.
 */
import { z } from 'zod';
import { callStatuses } from '../../core/call/call.ts';
import { HoldfastError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import { jsonText } from '../../core/payload.ts';
import { failureOf } from '../../engine/failure.ts';
import { given, idOf } from '../given.ts';
import { isolated } from '../isolation.ts';
import { type Route, route } from '../route.ts';
import * as s from '../schemas.ts';

const callBody = s.named(
  'CallFunction',
  z.strictObject({
    ...{ input: s.anyJson.optional(), id: s.runId.optional(), tenant: s.key.optional() },
    priority: z.number().optional(),
    lane: s.laneChoice.optional(),
    timeoutMs: z.number().min(1).max(limits.httpWaitMsMax).optional(),
    route: s.key.optional().describe('finds the function of a name that has several'),
  }),
);

const called = s.named('Called', z.object({ result: s.anyJson }));

const call = route({
  ...{ method: 'post', path: '/api/v1/functions/{name}/call', name: 'callFunction', tag: 'calls' },
  summary: 'Call a function of this process and wait for its answer; nothing is stored',
  scope: 'start',
  params: z.strictObject({ name: s.key }),
  body: callBody,
  headers: { 'Idempotency-Key': 'the id of the call, as `id` in the body' },
  answers: { 200: { description: 'What it gave', schema: called } },
  refusals: [
    ...(['function.unknown', 'input.invalid', 'payload.not_json', 'key.invalid'] as const),
    ...(['call.no_route', 'call.duplicate', 'call.full', 'call.quarantined'] as const),
    ...(['call.refused', 'call.cancelled', 'call.timed_out', 'call.failed'] as const),
    ...(['call.not_durable', 'tenant.full', 'rate.limited'] as const),
  ],
  async handle({ hf, caller, params: { name }, body, signal, header }) {
    const { timeoutMs, route: word, ...rest } = body;
    const id = idOf(rest.id, header('idempotency-key'));
    const { input, ...options } = isolated(caller, { ...rest, ...id });
    const more = given({ timeoutMs, route: word });
    const words = { ...pick(options), ...more, signal };
    const result = await hf.call(name, input, words).catch((thrown: unknown) => {
      throw endOf(name, thrown, signal);
    });
    const text = jsonText(result, limits.resultBytesMax, `the result of '${name}'`);
    const headers = { 'content-type': 'application/json' };
    return { status: 200, headers, text: `{"result":${text}}` };
  },
});

/** What of a start is said of a call, too. */
const pick = ({ id, lane, tenant, priority }: Partial<ReturnType<typeof isolated>>) =>
  given({ id, lane, tenant, priority });

/** What the caller is told; a drain of the server is told as such. */
function endOf(name: string, thrown: unknown, { aborted, reason }: AbortSignal): HoldfastError {
  if (!(thrown instanceof HoldfastError)) return failedError(name, thrown);
  const cut = aborted && thrown.code === 'call.cancelled' && reason instanceof HoldfastError;
  return cut ? reason : thrown;
}

/** What was thrown, without its stack. */
function failedError(name: string, thrown: unknown): HoldfastError {
  const { stack, ...error } = failureOf(thrown).error;
  const message = `the handler of '${name}' threw: ${error.message}`;
  return new HoldfastError('call.failed', message, { details: { error } });
}

const liveCalls = s.named(
  'LiveCalls',
  z.object({
    calls: z.array(
      z.object({
        ...{ id: z.string(), fn: z.string() },
        status: z.enum(callStatuses as ['queued', ...typeof callStatuses]),
        stopping: z.boolean(),
        lane: z.string().nullable(),
        tenant: z.string().nullable(),
        ageMs: z.number(),
      }),
    ),
    lanes: z.array(
      z.object({
        ...{ lane: z.string(), holding: z.int(), waiting: z.int(), quarantined: z.boolean() },
      }),
    ),
    pools: z.array(
      z.object({
        ...{ fn: z.string(), live: z.int(), busy: z.int(), waiting: z.int() },
        ...{ created: z.int(), discarded: z.int(), poisoned: z.int() },
      }),
    ),
    stats: z.record(z.string(), z.number()),
  }),
);

const list = route({
  ...{ method: 'get', path: '/api/v1/calls', name: 'listCalls', tag: 'calls' },
  summary: 'What this process calls right now: calls, lanes, VM pools, and what it has counted',
  scope: 'read',
  wholeStore: true,
  answers: { 200: { description: 'At most 1,000 of each', schema: liveCalls } },
  handle({ hf }) {
    const { calls } = hf;
    const found = { calls: calls.list(), lanes: calls.lanes(), pools: hf.pools() };
    return { status: 200, body: { ...found, stats: calls.stats() } };
  },
});

export const callRoutes: readonly Route[] = [call, list];
