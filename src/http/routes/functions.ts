/** Owns the routes of functions: what can be started, pausing it, and starting it. */
import { z } from 'zod';
import { HoldfastError } from '../../core/errors.ts';
import type { Started } from '../../holdfast.ts';
import { given, idOf, refuseIdempotencyKey } from '../given.ts';
import { isolated, mustSee } from '../isolation.ts';
import { errorOf, problemOf } from '../problem.ts';
import { type Call, type Route, route } from '../route.ts';
import * as s from '../schemas.ts';

const params = z.strictObject({ name: s.key });
type Asked = Pick<Call<unknown, unknown, unknown>, 'caller' | 'hf' | 'requestId'>;

const list = route({
  ...{ method: 'get', path: '/api/v1/functions', name: 'listFunctions', tag: 'functions' },
  summary: 'Functions that live nodes host, or that are paused',
  scope: 'read',
  answers: { 200: { description: 'The functions', schema: s.functionList } },
  async handle({ hf, caller }) {
    const all = await hf.functions.list();
    // The runs that they count are those of all tenants.
    const functions = caller.tenant === null ? all : all.map((one) => ({ ...one, pinned: [] }));
    return { status: 200, body: { functions } };
  },
});

const pause = route({
  ...{ method: 'post', path: '/api/v1/functions/{name}/pause', name: 'pauseFunction' },
  tag: 'functions',
  summary: 'Hold back every run of a function that has not begun',
  scope: 'operate',
  wholeStore: true,
  params,
  body: s.reasonBody,
  answers: { 204: { description: 'It is paused', schema: null } },
  async handle({ hf, params: { name }, body }) {
    await hf.functions.pause(name, body.reason);
    return { status: 204 };
  },
});

const resume = route({
  ...{ method: 'post', path: '/api/v1/functions/{name}/resume', name: 'resumeFunction' },
  tag: 'functions',
  summary: 'Let a paused function go on',
  scope: 'operate',
  wholeStore: true,
  params,
  answers: { 200: { description: 'It is not paused', schema: s.resumed } },
  handle: async ({ hf, params: { name } }) => ({
    status: 200,
    body: { wasPaused: await hf.functions.resume(name) },
  }),
});

const startRefusals = [
  ...(['function.unknown', 'input.invalid', 'payload.too_large', 'key.invalid'] as const),
  ...(['run.conflict', 'tenant.full', 'store.full', 'rate.limited', 'lane.busy'] as const),
] as const;

const start = route({
  ...{ method: 'post', path: '/api/v1/functions/{name}/runs', name: 'startRun', tag: 'runs' },
  summary: 'Start a run',
  scope: 'start',
  params,
  body: s.startBody,
  headers: {
    'Idempotency-Key': 'the id of the run, as `id` in the body',
    traceparent: 'the trace that the run belongs to (W3C)',
  },
  answers: {
    201: { description: 'The run is accepted; `Location` names it', schema: s.started },
    200: { description: 'The run was there already', schema: s.started },
  },
  refusals: startRefusals,
  async handle(call) {
    const {
      hf,
      body,
      params: { name },
    } = call;
    const id = idOf(body.id, call.header('idempotency-key'));
    const { input, ...options } = isolated(call.caller, { ...body, ...id });
    const run = await hf.start(name, input, { ...options, ...given({ traceparent: call.trace }) });
    if (!run.created) await ownOrConflict(call, run.id, name);
    const { id: kept, created, how } = run;
    const location = `/api/v1/runs/${encodeURIComponent(kept)}`;
    return { status: created ? 201 : 200, headers: { location }, body: { id: kept, created, how } };
  },
});

/** A run that was there already belongs to the caller, or the id is taken. */
async function ownOrConflict({ hf, caller }: Asked, id: string, fn: string): Promise<void> {
  try {
    await mustSee(hf, caller, id);
  } catch {
    throw new HoldfastError('run.conflict', `the id '${id}' is taken`, { details: { id, fn } });
  }
}

const startMany = route({
  ...{ method: 'post', path: '/api/v1/functions/{name}/runs/many', name: 'startRuns', tag: 'runs' },
  summary: 'Start many runs; each gets its own verdict, in the same order',
  scope: 'start',
  params,
  body: s.startManyBody,
  answers: { 200: { description: 'A verdict for each', schema: s.startedMany } },
  refusals: ['function.unknown'],
  async handle(call) {
    const {
      hf,
      caller,
      params: { name },
    } = call;
    refuseIdempotencyKey(call.header('idempotency-key'), 'give each item its id');
    const trace = given({ traceparent: call.trace });
    const items = call.body.items.map((item) => ({ ...isolated(caller, item), ...trace }));
    const verdicts = await hf.startMany(name, items);
    return { status: 200, body: { items: await Promise.all(verdicts.map(verdictOf(call, name))) } };
  },
});

const verdictOf =
  (call: Asked, fn: string) =>
  async (one: Started<unknown>): Promise<unknown> => {
    try {
      if (!one.ok) throw one.error;
      const { id, created, how } = one.run;
      if (!created) await ownOrConflict(call, id, fn);
      return { ok: true, id, created, how };
    } catch (error) {
      return { ok: false, problem: problemOf(errorOf(error), call.requestId) };
    }
  };

export const functionRoutes: readonly Route[] = [list, pause, resume, start, startMany];
