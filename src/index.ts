/**
 * The public interface of holdfast. What is not exported here may change at any time.
 */

export type { KeyScope } from './core/access.ts';
export type { EventMatch } from './core/durable/match.ts';
/** What a step that failed for good throws into the code. */
export { StepError } from './core/durable/step-error.ts';
export type { ErrorCode, ErrorRow } from './core/errors.ts';
/** The error of every refusal and fault, and the table of its codes. */
export { errorTable, HoldfastError } from './core/errors.ts';
export type { RunStatus } from './core/execution/run.ts';
export type { HandlerErrorExtras, RetryAtExtras } from './core/handler-error.ts';
/** Errors with which a handler forbids or dates the next attempt. */
export { NonRetryableError, RetryAtError } from './core/handler-error.ts';
/** Every bound of the product. */
export { limits } from './core/limits.ts';
export type { ErrorDetail, Outcome, OutcomeKind } from './core/outcome.ts';
export type { Envelope, ValueFormat } from './core/payload.ts';
export type { RetryPolicy } from './core/retry.ts';
/** A definition and its options. */
export type {
  AnyFunction,
  FunctionDefinition,
  FunctionOptions,
  FunctionTerms,
  LaneChoice,
  SchemaFunctionOptions,
} from './define-function.ts';
/** Defines a function; tells definitions from other values. */
export { defineFunction, isFunctionDefinition } from './define-function.ts';
/** What durable code is made of. */
export type {
  Approval,
  ApprovalOptions,
  Decision,
  DurableContext,
  HeardEvent,
  SleepOptions,
  StepContext,
  StepOptions,
  WaitForOptions,
} from './engine/durable/words.ts';
/** What a handler is given beside its input. */
export type { Emit, RunContext, RunLogger } from './engine/run-context.ts';
/** What one run of `startMany` is, what became of it, and what a runtime counts. */
export type { Started, StartManyItem, StartManyOptions } from './holdfast.ts';
/** Opens a runtime: `Holdfast.open({ store, functions })`. */
export { Holdfast } from './holdfast.ts';
/** Codecs: richer values than JSON, and payloads that only holders of a key can read. */
export type { Cipher, Purpose, Soon } from './ports/cipher.ts';
/** Where a runtime says what it does. */
export type { Log, LogLevel } from './ports/log.ts';
export type { NodeRow } from './ports/store-nodes.ts';
export type { PartData } from './ports/store-parts.ts';
export type {
  ExplainFacts,
  LaneView,
  PauseView,
  RunCounts,
  StoreFinding,
  TenantView,
} from './ports/store-reads.ts';
export type { AesGcmOptions, SealingKey } from './runtime/codec/aes-gcm.ts';
export { aesGcm } from './runtime/codec/aes-gcm.ts';
export { richValues } from './runtime/codec/rich-values.ts';
/** Nodes, lanes, tenants and functions. */
export type { Functions, Lanes, Nodes, TenantChange, Tenants } from './runtime/controls.ts';
/** Events, and decisions that runs wait for. */
export type { Approvals, DecisionOptions, EmitOptions, Emitted } from './runtime/events.ts';
export type { KeyOptions, Keys, KeyView } from './runtime/keys.ts';
/** The options of a runtime and of a start. */
export type { Codec, OpenOptions } from './runtime/options.ts';
/** The stream of a run. */
export type { PartPage, PartsOptions, RunPart } from './runtime/parts.ts';
/** Runs: handles, lists, outcomes. */
export type { RunHandle, WaitOptions } from './runtime/run-handle.ts';
export type { BulkOptions, Changed, RunListQuery, RunQuery, Runs } from './runtime/runs.ts';
export type { StartOptions } from './runtime/start-item.ts';
export type { RuntimeStats } from './runtime/stats.ts';
/** How a store is named. */
export type { PostgresOption, StoreOption } from './runtime/store-place.ts';
export type { FunctionView, Run, RunLogLine, RunStep, RunSummary } from './runtime/views.ts';
/** What can be given as the transaction in which a run is started. */
export type {
  CallerTransaction,
  QueryTransaction,
  TaggedTransaction,
} from './store/postgres/caller-transaction.ts';
/** What a runtime knows of the server of its store. */
export type { StoreAlarm, StoreHealth } from './store/postgres/health.ts';
