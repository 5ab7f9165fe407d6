/**
 * Owns the route of the metrics.
 *
 * M1 They speak of the whole store and of everybody's functions: a key that is bound to a tenant
 *    does not get them.
 */
import { expositionType } from '../../runtime/metrics/exposition.ts';
import { type Route, route } from '../route.ts';

const metrics = route({
  ...{ method: 'get', path: '/metrics', name: 'getMetrics', tag: 'health' },
  summary: 'Metrics of this process in the text format of Prometheus',
  scope: 'read',
  wholeStore: true,
  answers: { 200: { description: 'The metrics', schema: 'text' } },
  async handle({ hf, metering, load, ofStore }) {
    const own = await hf.metrics({ store: ofStore });
    const text = `${own}${metering.text(load())}`;
    return { status: 200, headers: { 'content-type': expositionType }, text };
  },
});

export const metricsRoutes: readonly Route[] = [metrics];
