/**
 * Owns the shapes of what is sent and taken: the one source of the checks and of the OpenAPI
 * document.
 *
 * S1 Every shape that is sent has a name here, so that clients can be generated from the document.
 * S2 Times are milliseconds since 1970. Inputs, results and progress are any JSON.
 */
import { z } from 'zod';
import { keyScopes } from '../core/access.ts';
import { type ErrorCode, errorTable } from '../core/errors.ts';
import { runStatuses } from '../core/execution/run.ts';
import { limits } from '../core/limits.ts';
import { outcomeKinds } from '../core/outcome.ts';
import { childCloses } from '../ports/store-family.ts';
import { stepKinds } from '../ports/store-steps.ts';

/** Shapes with their names in the document. */
export const shapes = z.registry<{ id: string }>();

/** Gives a shape its name. */
export function named<T extends z.ZodType>(id: string, schema: T): T {
  shapes.add(schema, { id });
  return schema;
}

const time = z.number().describe('milliseconds since 1970');
const count = z.int().min(0);
export const anyJson = z.unknown().describe('any JSON value');

/** A key: a name, lane, tenant or id. What is printable is checked behind it. */
export const key = z.string().min(1).max(limits.keyCharsMax);
export const runId = z.string().min(1).max(limits.idCharsMax);
const version = z.string().min(1).max(limits.tagCharsMax);
const reason = z.string().max(limits.reasonCharsMax).describe('why, for people');

/** A whole number as it stands in a query. */
export const wholeText = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,16}$/, 'it must be a whole number')
    .transform(Number)
    .pipe(z.int().min(min).max(max));

const errorCodes = Object.keys(errorTable) as [ErrorCode, ...ErrorCode[]];

const problem = named(
  'Problem',
  z.object({
    type: z.string().describe('urn:holdfast:error:<code>'),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.enum(errorCodes),
    retry: z.enum(['never', 'after', 'safe']),
    details: z.record(z.string(), z.unknown()).describe('the values at fault'),
    requestId: z.string(),
  }),
);

const errorDetail = named(
  'ErrorDetail',
  z.object({
    code: z.string(),
    message: z.string(),
    name: z.string().optional(),
    stack: z.string().optional(),
    details: z.record(z.string(), z.unknown()).optional(),
  }),
);

const outcome = named(
  'Outcome',
  z.object({ kind: z.enum(outcomeKinds), error: errorDetail.nullable() }),
);

const runFields = {
  id: z.string(),
  fn: z.string(),
  pin: z.string().nullable().describe('the version that goes on with it; null: any'),
  status: z.enum(runStatuses as ['queued', ...typeof runStatuses]),
  gate: z.enum(['time', 'lane', 'tenant', 'slot']).nullable(),
  lane: z.string().nullable(),
  laneWidth: z.int(),
  tenant: z.string(),
  prioritySeconds: z.number(),
  tags: z.array(z.string()),
  attempt: count,
  failures: count,
  crashes: count,
  fence: count,
  acceptedAt: time,
  dueAt: time.nullable(),
  startedAt: time.nullable(),
  finishedAt: time.nullable(),
  deadlineAt: time.nullable(),
  owner: z.string().nullable(),
  stopReason: z.string().nullable(),
  outcome: outcome.nullable(),
  quarantine: errorDetail.nullable(),
  retryOf: z.string().nullable(),
  progress: anyJson,
};

const runSummary = named('RunSummary', z.object(runFields));

const attempt = named(
  'Attempt',
  z.object({
    attempt: count,
    node: z.string().nullable(),
    startedAt: time,
    endedAt: time,
    end: z.string(),
    error: errorDetail.nullable(),
  }),
);

export const run = named(
  'Run',
  z.object({
    ...runFields,
    input: anyJson,
    result: anyJson,
    attempts: z.array(attempt),
    logLines: count,
    logLinesDropped: count,
    parent: z.string().nullable(),
    children: count,
    childrenOpen: count,
  }),
);

export const childPage = named(
  'ChildPage',
  z.object({
    children: z.array(
      z.object({
        id: z.string(),
        fn: z.string(),
        group: z.string(),
        index: count,
        close: z.enum(childCloses),
        status: z.enum(runStatuses as ['queued', ...typeof runStatuses]),
        acceptedAt: time,
        finishedAt: time.nullable(),
        outcome: outcome.nullable(),
      }),
    ),
    next: z.string().nullable(),
  }),
);

export const runPage = named(
  'RunPage',
  z.object({ runs: z.array(runSummary), next: z.string().nullable() }),
);

/** A lane: its key, the key with a width, or none. */
export const laneChoice = z.union([
  key,
  z.strictObject({ key, width: z.int().min(1).max(limits.laneWidthMax) }),
  z.null(),
]);

/** What may be said about a run that is started. */
const startFields = {
  input: anyJson.optional(),
  id: runId.optional(),
  tenant: key.optional(),
  priority: z.number().optional(),
  lane: laneChoice.optional(),
  delayMs: z.number().min(0).max(limits.delayMsMax).optional(),
  dueAt: time.optional(),
  tags: z.array(z.string().min(1).max(limits.tagCharsMax)).max(limits.tagsMax).optional(),
  deadlineMs: z.number().min(1).max(limits.delayMsMax).optional(),
  flowKey: key.optional().describe('the key of flow control, where it is not computed'),
};

export const startBody = named('StartRun', z.strictObject(startFields));
export const startManyBody = named(
  'StartRuns',
  z.strictObject({ items: z.array(startBody).max(limits.batchItemsMax) }),
);
export type StartBody = z.output<typeof startBody>;

const how = z
  .enum(['created', 'same-id', 'debounced', 'unique'])
  .describe('how the start came to this run');
const madeFields = { id: z.string(), created: z.boolean() };
export const made = named('Made', z.object(madeFields));
export const started = named('Started', z.object({ ...madeFields, how }));
export const startedMany = named(
  'StartedRuns',
  z.object({
    items: z.array(
      z.union([
        z.object({ ok: z.literal(true), ...madeFields, how }),
        z.object({ ok: z.literal(false), problem }),
      ]),
    ),
  }),
);

export const result = named('Result', z.object({ id: z.string(), result: anyJson }));
export const cancelled = named(
  'Cancelled',
  z.object({ id: z.string(), state: z.enum(['cancelled', 'stopping']) }),
);
export const reasonBody = named('Reason', z.strictObject({ reason: reason.optional() }));

const pause = named(
  'Pause',
  z.object({
    kind: z.enum(['function', 'lane']),
    key: z.string(),
    reason: z.string(),
    since: time,
  }),
);

export const explained = named(
  'Explained',
  z.object({
    sentence: z.string(),
    facts: z.object({
      run: runSummary,
      laneHolders: z.array(runSummary),
      laneAhead: count.nullable().describe('null for a key of a tenant'),
      tenant: z.lazy(() => tenant).nullable(),
      pauses: z.array(pause),
      hosts: count,
      nodes: count,
      slotAhead: count.nullable().describe('null for a key of a tenant'),
      timed: z.enum(['debounce', 'throttle']).nullable(),
      childrenOpen: count,
      now: time,
    }),
  }),
);

const logLine = named(
  'LogLine',
  z.object({
    n: count,
    at: time,
    attempt: count,
    level: z.enum(['debug', 'info', 'warn', 'error']),
    message: z.string(),
    fields: anyJson,
  }),
);
export const logPage = named(
  'LogPage',
  z.object({ lines: z.array(logLine), next: count.nullable(), dropped: count }),
);

export const partPage = named(
  'PartPage',
  z.object({
    parts: z.array(
      named(
        'Part',
        z.object({
          offset: count,
          attempt: count,
          text: z.string().optional(),
          base64: z.string().optional().describe('instead of `text`, for bytes'),
          truncated: count
            .optional()
            .describe('instead of both, once: so many parts over the limit are gone'),
        }),
      ),
    ),
    next: count.describe('the offset from which to go on'),
    ended: z.boolean().describe('whether there will be no more'),
  }),
);

export const stepPage = named(
  'StepPage',
  z.object({
    steps: z.array(
      named(
        'Step',
        z.object({
          key: z.string().describe('`kind/name`, and `#2` and so on for later uses'),
          ord: count,
          kind: z.enum(stepKinds),
          state: z.enum(['running', 'waiting', 'returned', 'threw', 'timed-out']),
          attempt: count,
          tries: count,
          begunAt: time,
          endedAt: time.nullable(),
          wakeAt: time.nullable(),
          event: z.string().nullable(),
          value: anyJson,
          error: errorDetail.nullable(),
        }),
      ),
    ),
    next: count.nullable(),
  }),
);
export const forkBody = named(
  'ForkRun',
  z.strictObject({
    from: z
      .string()
      .min(1)
      .max(limits.stepKeyCharsMax)
      .optional()
      .describe('the key of the first step that is done anew'),
    id: runId.optional(),
    version: version.nullable().optional().describe('that goes on with it; null: the current one'),
  }),
);
export const repinBody = named(
  'RepinRun',
  z.strictObject({ version: version.nullable().describe('null: the current one') }),
);
export const repinned = named(
  'Repinned',
  z.object({ id: z.string(), before: z.string().nullable() }),
);
export const eventBody = named(
  'EmitEvent',
  z.strictObject({
    name: key,
    data: anyJson.optional(),
    id: runId.optional(),
    tenant: key.optional(),
  }),
);
export const emitted = named('Emitted', z.object({ id: z.string(), created: z.boolean() }));
export const decisionBody = named(
  'Decision',
  z.strictObject({
    state: z.enum(['approved', 'rejected']),
    by: key.optional(),
    data: anyJson.optional(),
  }),
);
export const decided = named('Decided', z.object({ state: z.enum(['approved', 'rejected']) }));

export const signalBody = named(
  'SendSignal',
  z.strictObject({ data: anyJson.optional(), id: runId.optional() }),
);
export const signalAnswer = named(
  'SignalAnswer',
  z.object({
    id: z.string(),
    state: z.enum(['open', 'accepted', 'refused', 'unanswered']),
    value: anyJson,
    reason: z.string().nullable(),
  }),
);
export const declaredState = named(
  'DeclaredState',
  z.object({
    values: z.array(z.object({ name: z.string(), value: anyJson, attempt: count, at: time })),
  }),
);

export const functionList = named(
  'FunctionList',
  z.object({
    functions: z.array(
      z.object({
        name: z.string(),
        versions: z.array(z.string()),
        nodes: z.array(z.string()),
        here: z.boolean(),
        pause: pause.nullable(),
        pinned: z.array(
          z.object({ version: z.string(), unfinished: count, waiting: count, hosted: z.boolean() }),
        ),
      }),
    ),
  }),
);
export const resumed = named('Resumed', z.object({ wasPaused: z.boolean() }));

export const laneList = named(
  'LaneList',
  z.object({
    lanes: z.array(
      z.object({
        lane: z.string(),
        paused: z.boolean(),
        holders: z.array(z.string()),
        waiting: count,
        oldestWaitingAt: time.nullable(),
      }),
    ),
  }),
);

const max = (most: number) => z.int().min(0).max(most).nullable();
const terms = {
  weight: z.number().min(limits.weightMin).max(limits.weightMax),
  runningMax: max(limits.tenantRunningMax),
  waitingMax: max(limits.tenantWaitingMax),
};
const tenant = named('Tenant', z.object({ tenant: z.string(), ...terms, holding: count }));
export const tenantList = named('TenantList', z.object({ tenants: z.array(tenant) }));
export const tenantTerms = named('TenantTerms', z.strictObject(terms).partial());

export const nodeList = named(
  'NodeList',
  z.object({
    nodes: z.array(
      z.object({
        node: z.int(),
        name: z.string(),
        hostName: z.string(),
        pid: z.int(),
        state: z.enum(['live', 'draining', 'dead', 'left']),
        joinedAt: time,
        ttlMs: z.number(),
        renewedAgoMs: z.number(),
        leaseOver: z.boolean(),
        slots: count,
        running: count,
        functions: z.array(z.object({ fn: z.string(), version: z.string() })),
      }),
    ),
  }),
);

const countWords = [...runStatuses, ...outcomeKinds];
export const counts = named(
  'Counts',
  z.object(Object.fromEntries(countWords.map((word) => [word, count]))),
);

/** Which runs, in the body of an operation. */
const filterFields = {
  status: z.enum(runStatuses as ['queued', ...typeof runStatuses]),
  outcome: z.enum(outcomeKinds),
  fn: key,
  lane: key,
  tenant: key,
  tag: z.string().min(1).max(limits.tagCharsMax),
};
const runFilter = named(
  'RunFilter',
  z.strictObject({ ...filterFields, acceptedAfter: time, acceptedBefore: time }).partial(),
);

/** The same in a query, with the page. */
export const listQuery = z
  .strictObject({
    ...filterFields,
    acceptedAfter: wholeText(0, Number.MAX_SAFE_INTEGER),
    acceptedBefore: wholeText(0, Number.MAX_SAFE_INTEGER),
    limit: wholeText(1, limits.pageRowsMax),
    cursor: z.string().min(1).max(100).describe('`next` of the page before'),
  })
  .partial();

/** The same for dead letters. */
export const deadQuery = listQuery.pick({ fn: true, tenant: true, limit: true, cursor: true });

const action = z.enum(['cancel', 'retry', 'redrive', 'discard']);
export const operationBody = named(
  'StartOperation',
  z.strictObject({
    action,
    filter: runFilter.describe('which runs; {} is every run that the action can change'),
    reason: reason.optional(),
  }),
);
export const operation = named(
  'Operation',
  z.object({
    id: z.string(),
    action,
    filter: runFilter,
    reason: z.string().nullable(),
    state: z.enum(['running', 'done', 'failed', 'stopped']),
    startedAt: time,
    endedAt: time.nullable(),
    matched: count,
    changed: count,
    problem: problem.nullable(),
  }),
);
export const operationList = named('OperationList', z.object({ operations: z.array(operation) }));

export const whoami = named(
  'Caller',
  z.object({
    key: z.string().nullable(),
    scope: z.enum(keyScopes),
    tenant: z.string().nullable(),
  }),
);

export const health = named('Health', z.object({ status: z.literal('ok') }));
