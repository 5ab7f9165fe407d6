/** Owns the routes about the store beside its runs: lanes, tenants, nodes. */
import { z } from 'zod';
import { given } from '../given.ts';
import { type Route, route } from '../route.ts';
import * as s from '../schemas.ts';

const laneParams = z.strictObject({ lane: s.key });

const lanes = route({
  ...{ method: 'get', path: '/api/v1/lanes', name: 'listLanes', tag: 'lanes' },
  summary: 'Lanes that hold or keep back runs, and paused ones: at most 1,000',
  scope: 'read',
  wholeStore: true,
  answers: { 200: { description: 'The lanes', schema: s.laneList } },
  handle: async ({ hf }) => ({ status: 200, body: { lanes: await hf.lanes.list() } }),
});

const pauseLane = route({
  ...{ method: 'post', path: '/api/v1/lanes/{lane}/pause', name: 'pauseLane', tag: 'lanes' },
  summary: 'Let no further run into a lane',
  scope: 'operate',
  wholeStore: true,
  params: laneParams,
  body: s.reasonBody,
  answers: { 204: { description: 'It is paused', schema: null } },
  async handle({ hf, params: { lane }, body }) {
    await hf.lanes.pause(lane, body.reason);
    return { status: 204 };
  },
});

const resumeLane = route({
  ...{ method: 'post', path: '/api/v1/lanes/{lane}/resume', name: 'resumeLane', tag: 'lanes' },
  summary: 'Let a paused lane go on',
  scope: 'operate',
  wholeStore: true,
  params: laneParams,
  answers: { 200: { description: 'It is not paused', schema: s.resumed } },
  handle: async ({ hf, params: { lane } }) => ({
    status: 200,
    body: { wasPaused: await hf.lanes.resume(lane) },
  }),
});

const tenants = route({
  ...{ method: 'get', path: '/api/v1/tenants', name: 'listTenants', tag: 'tenants' },
  summary: 'Tenants that have terms, or runs of late: at most 1,000; for a bound key, its own',
  scope: 'read',
  answers: { 200: { description: 'The tenants', schema: s.tenantList } },
  async handle({ hf, caller }) {
    const which = caller.tenant === null ? {} : { tenant: caller.tenant };
    return { status: 200, body: { tenants: await hf.tenants.list(which) } };
  },
});

const setTenant = route({
  ...{ method: 'put', path: '/api/v1/tenants/{tenant}', name: 'setTenant', tag: 'tenants' },
  summary: 'Set the terms of a tenant; what is left out stays as it is',
  scope: 'admin',
  wholeStore: true,
  params: z.strictObject({ tenant: s.key }),
  body: s.tenantTerms,
  answers: { 204: { description: 'They are set', schema: null } },
  async handle({ hf, params: { tenant }, body }) {
    await hf.tenants.set(tenant, given(body));
    return { status: 204 };
  },
});

const nodes = route({
  ...{ method: 'get', path: '/api/v1/nodes', name: 'listNodes', tag: 'nodes' },
  summary: 'Nodes that are there, and those that left or died within the last day',
  scope: 'read',
  wholeStore: true,
  answers: { 200: { description: 'The nodes', schema: s.nodeList } },
  async handle({ hf }) {
    const rows = await hf.nodes.list();
    const body = rows.map(({ process, functions, bootOver, ...node }) => ({
      ...node,
      hostName: process.hostName,
      pid: process.pid,
      functions: functions.map(({ fn, version }) => ({ fn, version })),
    }));
    return { status: 200, body: { nodes: body } };
  },
});

export const storeRoutes: readonly Route[] = [
  ...[lanes, pauseLane, resumeLane, tenants, setTenant, nodes],
];
