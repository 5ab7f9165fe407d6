/**
 * Owns the list of benchmarks, in the order in which they are shown.
 */
import type { Bench } from './bench.ts';
import { burndown } from './burndown.ts';
import { calls } from './calls.ts';
import { claimCost } from './claim-cost.ts';
import { http } from './http.ts';
import { idle } from './idle.ts';
import { latency } from './latency.ts';
import { memory } from './memory.ts';
import { postgresBurndown } from './postgres/burndown.ts';
import { postgresHeld } from './postgres/held.ts';
import { postgresIdle } from './postgres/idle.ts';
import { postgresLatency } from './postgres/latency.ts';
import { postgresStarts } from './postgres/starts.ts';
import { postgresTakeover } from './postgres/takeover.ts';
import { postgresTenants } from './postgres/tenants.ts';
import { starts } from './starts.ts';
import { stdio } from './stdio.ts';
import { steps } from './steps.ts';
import { stepsParked } from './steps-parked.ts';
import { streams } from './streams.ts';
import { takeover } from './takeover.ts';
import { vm } from './vm.ts';
import { writer } from './writer.ts';

/** Every benchmark. */
export const catalogue: readonly Bench[] = [
  burndown,
  starts,
  latency,
  claimCost,
  memory,
  takeover,
  idle,
  writer,
  streams,
  http,
  postgresBurndown,
  postgresStarts,
  postgresTakeover,
  postgresTenants,
  postgresLatency,
  postgresIdle,
  postgresHeld,
  steps,
  stepsParked,
  vm,
  calls,
  stdio,
];
