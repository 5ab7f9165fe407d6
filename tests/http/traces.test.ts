/** Traces over HTTP: below whoever asks, and on to the run. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { defineFunction } from 'holdfast';
import { HttpScene } from './scene.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
const path = '/api/v1/functions/traced/runs';
const traced = defineFunction({ name: 'traced', run: (_: unknown, ctx) => ctx.traceparent });
const open = () => HttpScene.open({}, 'memory', { functions: [traced] });

const resultOf = async ({ hf }: HttpScene, id: string): Promise<unknown> => hf.runs.result(id);

describe('a request with a traceparent', () => {
  it('hands it to the runs that it starts, without an SDK as well', async () => {
    await using at = await open();
    const headers = { traceparent };
    const { body } = await at.ask<{ id: string }>(path, { body: { input: 1 }, headers });
    assert.equal(await resultOf(at, body.id), traceparent);
    const many = { items: [{ input: 1 }, { input: 2 }] };
    const started = await at.ask<{ items: readonly { readonly id: string }[] }>(`${path}/many`, {
      ...{ body: many, headers },
    });
    for (const { id } of started.body.items) assert.equal(await resultOf(at, id), traceparent);
  });

  it('is served if that is not well-formed', async () => {
    await using at = await open();
    const headers = { traceparent: 'nonsense' };
    const { status, body } = await at.ask<{ id: string }>(path, { body: { input: 1 }, headers });
    assert.equal(status, 201);
    assert.equal(await resultOf(at, body.id), null);
  });

  it('is a span between the caller and the start', async () => {
    const exporter = new InMemorySpanExporter();
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const spanProcessors = [new SimpleSpanProcessor(exporter)];
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }));
    await using at = await open();
    const headers = { traceparent };
    const { body } = await at.ask<{ id: string }>(path, { body: { input: 1 }, headers });
    await resultOf(at, body.id);
    await at.ask('/api/v1/runs/none', { headers });
    const spans = new Map(exporter.getFinishedSpans().map((span) => [span.name, span]));
    const chain = ['POST /api/v1/functions/{name}/runs', 'start traced', 'run traced'];
    let parent = 'b7ad6b7169203331';
    for (const name of chain) {
      const span = spans.get(name);
      assert.equal(span?.parentSpanContext?.spanId, parent, name);
      assert.equal(span?.spanContext().traceId, traceId, name);
      parent = span?.spanContext().spanId ?? '';
    }
    const request = spans.get(chain[0] ?? '');
    assert.equal(request?.kind, SpanKind.SERVER);
    assert.equal(request?.attributes['http.response.status_code'], 201);
    assert.equal(spans.get('GET /api/v1/runs/{id}')?.status.code, SpanStatusCode.UNSET);
  });
});
