/** What stands below what in a trace, recorded by the SDK of OpenTelemetry. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { defineFunction, Holdfast } from 'holdfast';
import { silentLog } from '../../src/ports/log.ts';

const exporter = new InMemorySpanExporter();
const given = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

const child = defineFunction({ name: 'child', run: (n: number) => n + 1 });
const parent = defineFunction({
  name: 'parent',
  run: async (n: number, ctx) => {
    const tracer = trace.getTracer('user');
    const own = await ctx.step('own', () =>
      tracer.startActiveSpan('inner', (span) => {
        span.end();
        return n;
      }),
    );
    tracer.startSpan('direct').end();
    await (await hf.start(child, own)).result();
    return ctx.traceparent;
  },
});
const broken = defineFunction({
  name: 'broken',
  retry: { attemptsMax: 1 },
  run: async (_: null, ctx) => {
    await ctx.step('fails', () => {
      throw new TypeError('no');
    });
  },
});

let hf: Holdfast;
const open = () =>
  Holdfast.open({ store: 'memory:', functions: [parent, child, broken], log: silentLog });

/** The span of this name, the only one. */
function named(name: string): ReadableSpan {
  const found = exporter.getFinishedSpans().filter((span) => span.name === name);
  assert.equal(found.length, 1, `${name}: ${exporter.getFinishedSpans().map((one) => one.name)}`);
  return found[0] ?? assert.fail();
}

const idOf = (span: ReadableSpan): string => span.spanContext().spanId;
const below = (span: ReadableSpan): string | undefined => span.parentSpanContext?.spanId;

describe('without an SDK', () => {
  it('a run carries what it was given, and nothing is made', async () => {
    hf = await open();
    const run = await hf.start(parent, 1, { traceparent: given });
    assert.equal(await run.result(), given);
    const bare = await hf.start(parent, 1);
    assert.equal(await bare.result(), null);
    await assert.rejects(hf.start(parent, 1, { traceparent: '00-1-2-3' }), {
      code: 'request.invalid',
    });
    await hf.close();
  });
});

describe('with an SDK', () => {
  before(async () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const spanProcessors = [new SimpleSpanProcessor(exporter)];
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }));
    hf = await open();
  });
  beforeEach(() => exporter.reset());
  after(() => hf.close());

  it('the trace goes from the caller to the handler, its steps and its children', async () => {
    const tracer = trace.getTracer('user');
    const said = await tracer.startActiveSpan('request', async (span) => {
      const run = await hf.start(parent, 1);
      span.end();
      return run.result();
    });
    const request = named('request');
    const start = named('start parent');
    const run = named('run parent');
    assert.equal(below(start), idOf(request));
    assert.equal(below(run), idOf(start));
    assert.deepEqual([start.kind, run.kind], [SpanKind.PRODUCER, SpanKind.CONSUMER]);
    assert.equal(below(named('step/own')), idOf(run));
    assert.equal(below(named('inner')), idOf(named('step/own')));
    assert.equal(below(named('direct')), idOf(run));
    assert.equal(below(named('start child')), idOf(run));
    assert.equal(below(named('run child')), idOf(named('start child')));
    const { traceId } = request.spanContext();
    for (const span of exporter.getFinishedSpans()) {
      assert.equal(span.spanContext().traceId, traceId, span.name);
    }
    assert.equal(said, `00-${traceId}-${idOf(run)}-01`);
    assert.equal(run.attributes['holdfast.attempt'], 1);
    assert.equal(run.attributes['holdfast.run.id'], start.attributes['holdfast.run.id']);
    assert.equal(run.attributes['holdfast.end'], 'succeeded');
    assert.equal(run.status.code, SpanStatusCode.UNSET);
  });

  it('what is given goes before what is active; a run of nobody has its own', async () => {
    await (await hf.start(child, 1, { traceparent: given })).result();
    assert.equal(below(named('start child')), 'b7ad6b7169203331');
    assert.equal(named('run child').spanContext().traceId, given.slice(3, 35));
    exporter.reset();
    await (await hf.start(child, 1)).result();
    assert.equal(below(named('start child')), undefined);
    assert.equal(below(named('run child')), idOf(named('start child')));
  });

  it('all runs of one call stand below one span', async () => {
    const started = await hf.startMany(child, [{ input: 1 }, { input: 2 }]);
    for (const one of started) await (one.ok ? one.run.result() : assert.fail());
    const start = named('start child');
    const runs = exporter.getFinishedSpans().filter(({ name }) => name === 'run child');
    assert.deepEqual(runs.map(below), [idOf(start), idOf(start)]);
    assert.equal(start.attributes['holdfast.runs'], 2);
  });

  it('what failed says so, and what is refused', async () => {
    await assert.rejects((await hf.start(broken, null)).result());
    for (const name of ['run broken', 'step/fails']) {
      const { status } = named(name);
      assert.deepEqual([status.code, status.message], [SpanStatusCode.ERROR, 'no'], name);
    }
    await assert.rejects(hf.start(broken, null, { priority: 1e9 }));
    await assert.rejects(hf.start(broken, null, { traceparent: 'nonsense' }), {
      code: 'request.invalid',
    });
    const refused = exporter.getFinishedSpans().filter(({ name }) => name === 'start broken');
    assert.equal(refused.at(-1)?.attributes['error.type'], 'request.invalid');
  });
});
