/**
 * The OpenAPI document, judged by tools that are not ours: it is valid, and the running server
 * answers as it says. The document leaves room for further fields; here it is closed, so that a
 * field that is sent and not described fails.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { OpenAPIBackend } from 'openapi-backend';
import type { AskOptions } from './scene.ts';
import { HttpScene } from './scene.ts';

const patience = { timeout: 60_000 };

type Json = { [name: string]: unknown };
interface Operation {
  readonly operationId: string;
  readonly responses: Record<string, { content?: Record<string, unknown> }>;
}
interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
}

/** The same with no room for further fields. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const all = Object.fromEntries(Object.entries(value).map(([name, one]) => [name, closed(one)]));
  const isObject = 'properties' in all && !('additionalProperties' in all) && all.type === 'object';
  return isObject ? { ...all, additionalProperties: false } : all;
}

/** Asks, and judges every answer by the document. */
class Judged {
  readonly at: HttpScene;
  readonly document: Document;
  /** What was seen: operation and status. */
  readonly seen = new Set<string>();
  readonly #tool: OpenAPIBackend;

  constructor(at: HttpScene, document: Document) {
    this.at = at;
    this.document = document;
    this.#tool = new OpenAPIBackend({ definition: closed(document) as never, quick: true });
  }

  async begin(): Promise<void> {
    await this.#tool.init();
  }

  async ask(operationId: string, path: string, options: AskOptions = {}): Promise<Json> {
    const { status, headers, body } = await this.at.ask<Json>(path, options);
    this.judge(operationId, status, headers.get('content-type'), body);
    return body;
  }

  judge(operationId: string, status: number, type: string | null, body: unknown): void {
    const operation = Object.values(this.document.paths)
      .flatMap((path) => Object.values(path))
      .find((one) => one.operationId === operationId);
    assert.ok(operation !== undefined, `no operation '${operationId}'`);
    const described = operation.responses[status];
    assert.ok(described !== undefined, `${operationId} answers ${status}, which is not described`);
    this.seen.add(`${operationId} ${status}`);
    if (body === null) {
      assert.equal(described.content, undefined, operationId);
      return;
    }
    assert.deepEqual(Object.keys(described.content ?? {}), [type], `${operationId} ${status}`);
    const { errors } = this.#tool.validateResponse(body, operationId, status);
    assert.equal(errors ?? null, null, `${operationId} ${status}: ${JSON.stringify(body)}`);
  }
}

async function withJudge(body: (judged: Judged) => Promise<void>): Promise<void> {
  await using at = await HttpScene.open();
  const { body: document } = await at.ask<Document>('/api/v1/openapi.json');
  const judged = new Judged(at, document);
  await judged.begin();
  await body(judged);
}

const post = (body?: unknown): AskOptions => ({ method: 'POST', body });

/** Goes through the whole API. */
async function walk(judged: Judged): Promise<void> {
  const { at } = judged;
  const ask = judged.ask.bind(judged);
  const starts = '/api/v1/functions/talk/runs';
  const { id } = await ask('startRun', starts, post({ input: 3, id: 'one', tags: ['t'] }));
  await ask('startRun', starts, post({ input: 3, id: 'one' }));
  await ask('startRun', starts, post({ input: 4, id: 'one' }));
  await ask('startRun', starts, post('{'));
  await ask('startRun', starts, { ...post('{}'), headers: { 'content-type': 'text/plain' } });
  await ask('startRun', '/api/v1/functions/none/runs', post({}));
  const items = [{ input: 1 }, { input: 1, id: 'one' }];
  await ask('startRuns', `${starts}/many`, post({ items }));
  for (const fn of ['greet', 'fail', 'ship', 'none']) {
    await ask('callFunction', `/api/v1/functions/${fn}/call`, post({ input: 'Ada' }));
  }
  await ask('callFunction', '/api/v1/functions/greet/call', post({ input: 5 }));
  const patient = { input: 'p', timeoutMs: 20 };
  await ask('callFunction', '/api/v1/functions/wait/call', post(patient));
  await ask('listCalls', '/api/v1/calls');
  await ask('getResult', `/api/v1/runs/${id}/result?waitMs=30000`);
  await ask('getRun', `/api/v1/runs/${id}`);
  await ask('listLogs', `/api/v1/runs/${id}/logs?limit=2`);
  const made = await ask('startRun', '/api/v1/functions/emit/runs', post({ input: 9 }));
  await ask('getResult', `/api/v1/runs/${made.id}/result?waitMs=30000`);
  await ask('listParts', `/api/v1/runs/${made.id}/parts?from=1&limit=5`);
  await ask('explainRun', `/api/v1/runs/${id}/explain`);
  const failing = await ask('startRun', '/api/v1/functions/fail/runs', post({ input: 1 }));
  await ask('getResult', `/api/v1/runs/${failing.id}/result?waitMs=30000`);
  await ask('getRun', `/api/v1/runs/${failing.id}`);
  await walkDead(judged, String(failing.id));
  await ask('retryRun', `/api/v1/runs/${failing.id}/retry`, post());
  await ask('retryRun', `/api/v1/runs/${id}/retry`, post());
  await ask('cancelRun', `/api/v1/runs/${id}/cancel`, post());
  const waiting = await ask('startRun', '/api/v1/functions/seat/runs', post({ input: 'k' }));
  await at.meet('begun k').promise;
  const behind = await ask('startRun', '/api/v1/functions/seat/runs', post({ input: 'l' }));
  await ask('explainRun', `/api/v1/runs/${behind.id}/explain`);
  await ask('getResult', `/api/v1/runs/${waiting.id}/result`);
  await ask('listLanes', '/api/v1/lanes');
  await ask('listRuns', '/api/v1/runs?limit=2');
  await ask('listRuns', '/api/v1/runs?limit=none');
  await ask('cancelRun', `/api/v1/runs/${waiting.id}/cancel`, post({ reason: 'over' }));
  for (const what of ['function', 'lane']) {
    const path = what === 'function' ? '/api/v1/functions/greet' : '/api/v1/lanes/l';
    const name = what === 'function' ? 'Function' : 'Lane';
    await ask(`pause${name}`, `${path}/pause`, post({ reason: 'a look' }));
    await ask('listFunctions', '/api/v1/functions');
    await ask('explainRun', `/api/v1/runs/${behind.id}/explain`);
    await ask(`resume${name}`, `${path}/resume`, post());
  }
  await walkDurable(judged);
  await ask('setTenant', '/api/v1/tenants/acme', { method: 'PUT', body: { runningMax: null } });
  await ask('listTenants', '/api/v1/tenants');
  await ask('listNodes', '/api/v1/nodes');
  await ask('countRuns', '/api/v1/counts');
  const bulk = { action: 'cancel', filter: { status: 'queued' } };
  const operation = await ask('startOperation', '/api/v1/operations', post(bulk));
  await ask('getOperation', `/api/v1/operations/${operation.id}`);
  await ask('listOperations', '/api/v1/operations');
  await ask('getOperation', '/api/v1/operations/none');
  for (const [name, path] of [
    ['isLive', '/livez'] as const,
    ['isReady', '/readyz'] as const,
    ['getCaller', '/api/v1/caller'] as const,
    ['getOpenApi', '/api/v1/openapi.json'] as const,
  ]) {
    await ask(name, path);
  }
  const { status, headers } = await at.fetch('/metrics');
  judged.judge('getMetrics', status, headers.get('content-type')?.split(';')[0] ?? null, '');
  const stream = await at.fetch(`/api/v1/runs/${id}/logs/stream`);
  assert.match(await stream.text(), /event: end/);
  judged.seen.add(`followLogs ${stream.status}`);
  await ask('followLogs', '/api/v1/runs/none/logs/stream');
  const parts = await at.fetch(`/api/v1/runs/${made.id}/parts/stream`);
  assert.match(await parts.text(), /event: end/);
  judged.seen.add(`followParts ${parts.status}`);
  await ask('followParts', '/api/v1/runs/none/parts/stream');
}

/** Dead letters: the one of a run that failed. */
async function walkDead(judged: Judged, id: string): Promise<void> {
  const ask = judged.ask.bind(judged);
  const letter = `/api/v1/dead-letters/${id}`;
  await ask('listDeadLetters', '/api/v1/dead-letters?limit=1');
  await ask('redriveDeadLetter', `${letter}/redrive`, post());
  await ask('redriveDeadLetter', `${letter}/redrive`, post());
  await ask('discardDeadLetter', `${letter}/discard`, post({ reason: 'known' }));
  const again = await ask('startRun', '/api/v1/functions/fail/runs', post({}));
  await ask('getResult', `/api/v1/runs/${again.id}/result?waitMs=30000`);
  await ask('discardDeadLetter', `/api/v1/dead-letters/${again.id}/discard`, post());
  const bulk = { action: 'redrive', filter: { fn: 'fail' } };
  await ask('startOperation', '/api/v1/operations', post(bulk));
}

/** Steps, decisions, forks and events. */
async function walkDurable(judged: Judged): Promise<void> {
  const { at } = judged;
  const ask = judged.ask.bind(judged);
  const { id } = await ask('startRun', '/api/v1/functions/ship/runs', post({ input: 'a piano' }));
  let token: string | null = null;
  while (token === null) {
    const { steps } = await at.hf.runs.steps(String(id));
    token = steps.find(({ kind }) => kind === 'approval')?.token ?? null;
  }
  await ask('listSteps', `/api/v1/runs/${id}/steps`);
  await ask('listSteps', '/api/v1/runs/none/steps');
  await ask('listChildren', `/api/v1/runs/${id}/children`);
  await ask('listChildren', '/api/v1/runs/none/children');
  await ask('listChildren', `/api/v1/runs/${id}/children?limit=1`);
  await ask('decide', '/api/v1/approvals/none', post({ state: 'approved' }));
  await ask('decide', `/api/v1/approvals/${token}`, post({ state: 'approved', by: 'Ada' }));
  await ask('decide', `/api/v1/approvals/${token}`, post({ state: 'rejected' }));
  await ask('getResult', `/api/v1/runs/${id}/result?waitMs=30000`);
  await ask('listSteps', `/api/v1/runs/${id}/steps?limit=1`);
  await ask('forkRun', `/api/v1/runs/${id}/fork`, post({ from: 'step/pack', id: 'again' }));
  await ask('forkRun', `/api/v1/runs/${id}/fork`, post({ from: 'step/pack', id: 'again' }));
  await ask('forkRun', `/api/v1/runs/${id}/fork`, post({ from: 'step/none' }));
  await ask('repinRun', `/api/v1/runs/${id}/repin`, post({ version: '2' }));
  await ask('repinRun', '/api/v1/runs/none/repin', post({ version: null }));
  await ask('repinRun', '/api/v1/runs/none/repin', post({}));
  await ask('listFunctions', '/api/v1/functions');
  const desk = await ask('startRun', '/api/v1/functions/desk/runs', post({ input: null }));
  const signals = `/api/v1/runs/${desk.id}/signals`;
  for (const data of [1, 1, 2]) {
    await ask('signalRun', `${signals}/book`, post({ id: 's', data }));
  }
  await ask('signalRun', `${signals}/none`, post({}));
  await ask('getAnswer', `${signals}/s/answer?waitMs=30000`);
  await ask('getAnswer', `${signals}/none/answer`);
  await ask('getState', `/api/v1/runs/${desk.id}/state`);
  await ask('getState', '/api/v1/runs/none/state');
  for (const data of [1, 1, 2]) {
    await ask('emitEvent', '/api/v1/events', post({ name: 'paid', id: 'e', data }));
  }
}

describe('the OpenAPI document', patience, () => {
  it('is valid OpenAPI 3.1', () =>
    withJudge(async ({ document }) => {
      const validator = new Validator();
      const { valid, errors } = await validator.validate(structuredClone({ ...document }));
      assert.equal(valid, true, JSON.stringify(errors));
      assert.equal(validator.version, '3.1');
    }));

  it('says what the running server answers', () =>
    withJudge(async (judged) => {
      await walk(judged);
      const { key } = await judged.at.hf.keys.create({ name: 'low', scope: 'read', tenant: 'a' });
      const as = { key };
      while ((await judged.at.ask('/api/v1/caller')).status === 200);
      await judged.ask('listRuns', '/api/v1/runs');
      await judged.ask('countRuns', '/api/v1/counts', as);
      await judged.ask('startRun', '/api/v1/functions/greet/runs', { ...post({}), ...as });
      const named = Object.values(judged.document.paths)
        .flatMap((path) => Object.values(path))
        .map(({ operationId }) => operationId);
      const asked = new Set([...judged.seen].map((one) => one.split(' ')[0]));
      assert.deepEqual(
        named.filter((name) => !asked.has(name)),
        [],
        'every operation was asked',
      );
      const successes = [...judged.seen].filter((one) => / 20\d$/.test(one));
      assert.ok(successes.length >= named.length, successes.join(', '));
    }));

  it('would notice a field that is not described, and one of another kind', () =>
    withJudge(async (judged) => {
      const { body } = await judged.at.ask<Json>('/api/v1/caller');
      const judge = (said: Json) => () => judged.judge('getCaller', 200, 'application/json', said);
      judge(body)();
      assert.throws(judge({ ...body, seq: 1 }));
      assert.throws(judge({ ...body, scope: 'root' }));
    }));
});
