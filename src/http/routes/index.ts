/** Owns the list of all routes: to add some, write a file beside this one and name it here. */
import type { Route } from '../route.ts';
import { callRoutes } from './calls.ts';
import { deadLetterRoutes } from './dead-letters.ts';
import { durableRoutes } from './durable.ts';
import { functionRoutes } from './functions.ts';
import { healthRoutes } from './health.ts';
import { logRoutes } from './logs.ts';
import { metricsRoutes } from './metrics.ts';
import { operationRoutes } from './operations.ts';
import { partRoutes } from './parts.ts';
import { runRoutes } from './runs.ts';
import { signalRoutes } from './signals.ts';
import { storeRoutes } from './store.ts';

/** In the order of the document. */
export const routes: readonly Route[] = [
  ...functionRoutes,
  ...callRoutes,
  ...runRoutes,
  ...deadLetterRoutes,
  ...durableRoutes,
  ...signalRoutes,
  ...logRoutes,
  ...partRoutes,
  ...storeRoutes,
  ...operationRoutes,
  ...healthRoutes,
  ...metricsRoutes,
];
