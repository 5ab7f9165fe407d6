/** What `/metrics` tells, whom, and how many series anybody can make. Read by a foreign parser. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { serveHttp } from 'holdfast/http';
import { catalogue, type MetricFacts } from '../../src/runtime/metrics/catalogue.ts';
import { Metrics } from './exposition-reader.ts';
import { HttpScene } from './scene.ts';

const patience = { timeout: 60_000 };

/** Asks as Prometheus does. */
async function scraped(at: HttpScene, key?: string): Promise<Metrics> {
  const response = await at.fetch('/metrics', key === undefined ? {} : { key });
  assert.equal(response.status, 200);
  const type = response.headers.get('content-type');
  assert.equal(type, 'text/plain; version=0.0.4; charset=utf-8');
  return new Metrics(await response.text());
}

const ended = async ({ hf }: HttpScene, id: string): Promise<void> => {
  await hf.runs.result(id).catch(() => {});
};

describe('/metrics', patience, () => {
  it('tells every metric of the catalogue by its type and labels, and no other', async () => {
    await using at = await HttpScene.open();
    await at.ask('/livez');
    await at.hf.call('greet', 'Ada');
    const metrics = await scraped(at);
    const { byName } = metrics;
    const expected = Object.entries<MetricFacts>(catalogue).filter(
      ([name]) => !/^holdfast_(postgres|vms?)_/.test(name),
    );
    assert.deepEqual([...byName.keys()].sort(), expected.map(([name]) => name).sort());
    for (const [name, { type, help, labels }] of expected) {
      const read = byName.get(name);
      assert.equal(read?.type, type.toUpperCase(), name);
      assert.equal(read?.help, help, name);
      const histogram = type === 'histogram';
      const samples = metrics.samples(histogram ? `${name}_bucket` : name);
      assert.ok(samples.length > 0, name);
      for (const sample of samples) {
        const known = histogram ? [...labels, 'le'] : [...labels];
        assert.deepEqual(Object.keys(sample.labels ?? {}), known, name);
      }
    }
  });

  it('counts runs by outcome, attempts by function, and what is seldom from 0', async () => {
    await using at = await HttpScene.open();
    await ended(at, await at.start('greet', 'Ada'));
    await ended(at, await at.start('fail', null));
    const metrics = await scraped(at);
    assert.equal(metrics.value('holdfast_runs_started_total'), 2);
    for (const [outcome, times] of Object.entries({ succeeded: 1, failed: 1, lost: 0 })) {
      assert.equal(metrics.value('holdfast_runs_ended_total', { outcome }), times, outcome);
    }
    const attempts = 'holdfast_attempt_duration_seconds';
    assert.equal(metrics.count(attempts, { function: 'greet' }), 1);
    assert.equal(metrics.upTo(attempts, '+Inf', { function: 'fail' }), 1);
    assert.equal(metrics.count(attempts, { function: 'talk' }), 0);
    assert.equal(metrics.count('holdfast_start_lag_seconds', { function: 'greet' }), 1);
    for (const name of ['late_results', 'leases_lost', 'http_defects', 'store_faults']) {
      assert.equal(metrics.value(`holdfast_${name}_total`), 0, name);
    }
    assert.equal(metrics.value('holdfast_node_state', { state: 'live' }), 1);
    assert.equal(metrics.value('holdfast_node_state', { state: 'away' }), 0);
    assert.equal(metrics.value('holdfast_store_runs_kept', { outcome: 'failed' }), 1);
  });

  it('shows what is under way', async () => {
    await using at = await HttpScene.open();
    const id = await at.start('wait', 'k');
    await at.meet('begun k').promise;
    const stream = await at.fetch(`/api/v1/runs/${id}/logs/stream`);
    const metrics = await scraped(at);
    assert.equal(metrics.value('holdfast_slots_busy'), 1);
    assert.equal(metrics.value('holdfast_store_runs', { status: 'running' }), 1);
    assert.equal(metrics.value('holdfast_http_streams_open'), 1);
    assert.ok((metrics.value('holdfast_http_requests_open') ?? 0) >= 2);
    at.meet('k').resolve();
    await stream.text();
  });

  it('counts requests by route, and makes no series of what somebody sends', async () => {
    await using at = await HttpScene.open();
    for (const id of ['a', 'b', 'c']) await at.ask(`/api/v1/runs/${id}`);
    await at.ask('/api/v1/runs/d', { method: 'DELETE' });
    for (const path of ['/a', '/b', '/api/v1/none']) await at.ask(path);
    for (const method of ['BREW', 'PURGE']) {
      await at.bytes(`${method} /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
    }
    const metrics = await scraped(at);
    const requests = (route: string, method: string, status: string) =>
      metrics.value('holdfast_http_requests_total', { route, method, status });
    assert.equal(requests('/api/v1/runs/{id}', 'GET', '404'), 3);
    assert.equal(requests('/api/v1/runs/{id}', 'DELETE', '405'), 1);
    assert.equal(requests('none', 'GET', '404'), 3);
    const routes = { route: '/api/v1/runs/{id}' };
    assert.equal(metrics.count('holdfast_http_request_duration_seconds', routes), 4);
    const series = metrics.samples('holdfast_http_requests_total');
    assert.ok(series.length <= 5, JSON.stringify(series));
    assert.doesNotMatch(JSON.stringify(series), /BREW|PURGE|"\/a"/);
  });

  it('takes a key of scope read that is bound to no tenant', async () => {
    await using at = await HttpScene.open({ allowAnonymous: false });
    const { key } = await at.hf.keys.create({ name: 'scrape', scope: 'read' });
    const bound = await at.hf.keys.create({ name: 'bound', scope: 'admin', tenant: 'a' });
    await at.refused('auth.missing', '/metrics');
    assert.ok((await scraped(at, key)).byName.size > 20);
    await at.refused('http.no_route', '/metrics', { key: bound.key });
  });

  it('can be kept to the process, or switched off', async () => {
    await using alone = await HttpScene.open({ metrics: 'process' });
    const { byName } = await scraped(alone);
    assert.ok(byName.has('holdfast_runs_started_total'));
    assert.ok(![...byName.keys()].some((name) => name.startsWith('holdfast_store_runs')));
    await using off = await HttpScene.open({ metrics: 'off' });
    await off.refused('http.no_route', '/metrics');
    const { body } = await off.ask<{ paths: object }>('/api/v1/openapi.json');
    assert.equal('/metrics' in body.paths, false);
    const wrong = serveHttp(off.hf, { metrics: 'some' as 'all' });
    await assert.rejects(wrong, { code: 'request.invalid' });
  });
});
