/**
 * Owns the routes about the server itself: whether it lives, whether it is ready, who asks.
 *
 * H1 The two health routes take no key and say nothing but yes or no, with a code.
 */
import { HoldfastError } from '../../core/errors.ts';
import { type Route, route } from '../route.ts';
import * as s from '../schemas.ts';

const live = route({
  ...{ method: 'get', path: '/livez', name: 'isLive', tag: 'health' },
  summary: 'Whether the process answers',
  scope: null,
  answers: { 200: { description: 'It does', schema: s.health } },
  handle: () => ({ status: 200, body: { status: 'ok' } }),
});

const ready = route({
  ...{ method: 'get', path: '/readyz', name: 'isReady', tag: 'health' },
  summary: 'Whether the store answers, the node is live and the server is not draining',
  scope: null,
  answers: { 200: { description: 'It is ready', schema: s.health } },
  refusals: ['node.draining', 'store.unavailable', 'store.busy'],
  async handle({ hf, draining }) {
    const { node } = hf.stats();
    if (draining() || node === 'draining') {
      throw new HoldfastError('node.draining', 'the server is shutting down');
    }
    if (node === 'away') {
      throw new HoldfastError('store.unavailable', 'the node lost its lease and joins again');
    }
    await hf.pauses();
    return { status: 200, body: { status: 'ok' } };
  },
});

const caller = route({
  ...{ method: 'get', path: '/api/v1/caller', name: 'getCaller', tag: 'health' },
  summary: 'What the given key may do, and for which tenant',
  scope: 'read',
  answers: { 200: { description: 'The caller', schema: s.whoami } },
  handle: ({ caller: one }) => ({ status: 200, body: one }),
});

export const healthRoutes: readonly Route[] = [live, ready, caller];
