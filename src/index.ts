/**
 * The public interface of holdfast. What is not exported here may change at any time.
 */

export type { KeyScope } from './core/access.ts';
export type { ReplyOptions } from './core/call/reply.ts';
/** An answer with a status and bytes of its own. */
export { Reply } from './core/call/reply.ts';
export type { CallOptions } from './core/call/terms.ts';
/** What a child that did not succeed throws into the code of its parent. */
export { ChildError } from './core/durable/child-error.ts';
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
export type {
  BatchFunctionOptions,
  BatchTerms,
  SchemaBatchFunctionOptions,
} from './define-batch.ts';
/** Defines a function that takes many runs at once. */
export { defineBatchFunction } from './define-batch.ts';
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
/** Scripts: functions whose code is a text that nobody trusts. */
export type { ScriptDefinition, ScriptOptions } from './define-script.ts';
export { defineScript } from './define-script.ts';
/** What the code of a batch is given, and gives. */
export type { BatchContext, BatchItem, BatchVerdict } from './engine/batch-words.ts';
/** What handlers of calls hand over, and what stands around calls. */
export type { HandOff, Offered, OfferOptions, TakeOptions } from './engine/calls/hand-off.ts';
export type { AskedCall, Interceptor, Resolver } from './engine/calls/interceptors.ts';
export type { CallFacts, Later } from './engine/calls/words.ts';
/** What a run declares of itself while it goes on. */
export type { DeclaredState } from './engine/declared-state.ts';
/** What durable code is given of runs that it starts. */
export type {
  Child,
  ChildContext,
  ChildFunction,
  ChildOptions,
  ChildOutcome,
  Children,
} from './engine/durable/child-words.ts';
/** What durable code is made of. */
export type {
  Approval,
  ApprovalOptions,
  Decision,
  DurableContext,
  HeardEvent,
  Signal,
  SleepOptions,
  StepContext,
  StepOptions,
  TransactionOptions,
  WaitForOptions,
  WaitForSignalOptions,
} from './engine/durable/words.ts';
/** What a handler is given beside its input. */
export type { Emit, RunContext, RunLogger } from './engine/run-context.ts';
/** Terms of flow control. */
export type { FlowKey, FlowPace, FlowTerms } from './flow-terms.ts';
/** What one run of `startMany` is, what became of it, and what a runtime counts. */
export type { Started, StartManyItem, StartManyOptions } from './holdfast.ts';
/** Opens a runtime: `Holdfast.open({ store, functions })`. */
export { Holdfast } from './holdfast.ts';
/** Codecs: richer values than JSON, and payloads that only holders of a key can read. */
export type { Cipher, Purpose, Soon } from './ports/cipher.ts';
/** Where a runtime says what it does. */
export type { Log, LogLevel } from './ports/log.ts';
export type { PoolFigures } from './ports/sandbox.ts';
export type { ChildClose } from './ports/store-family.ts';
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
/** The transaction that a step shares with the store. */
export type {
  Isolation,
  StepTransaction,
  TransactionAnswer,
  TransactionQuery,
} from './ports/transactions.ts';
/** Calls: options, who is under way. */
export type { CallLaneView, CallStats, CallView } from './runtime/calls/call-views.ts';
export type { Calls, CallWords, ServeOptions } from './runtime/calls/calls.ts';
export type { CallsOptions } from './runtime/calls/options.ts';
export type { ChildrenQuery, RunChild, RunChildren } from './runtime/children.ts';
export type { AesGcmOptions, SealingKey } from './runtime/codec/aes-gcm.ts';
export { aesGcm } from './runtime/codec/aes-gcm.ts';
export { richValues } from './runtime/codec/rich-values.ts';
/** Nodes, lanes, tenants and functions. */
export type { Functions, Lanes, Nodes, TenantChange, Tenants } from './runtime/controls.ts';
export type { DeadLetters, DeadListQuery, DeadQuery } from './runtime/dead-letters.ts';
/** Events, and decisions that runs wait for. */
export type { Approvals, DecisionOptions, EmitOptions, Emitted } from './runtime/events.ts';
export type { KeyOptions, Keys, KeyView } from './runtime/keys.ts';
/** The options of a runtime and of a start. */
export type { LogOptions } from './runtime/log/own-log.ts';
export type { Codec, OpenOptions } from './runtime/options.ts';
/** The stream of a run. */
export type { PartPage, PartsOptions, RunPart } from './runtime/parts.ts';
export type { FunctionPool } from './runtime/resources.ts';
/** Runs: handles, lists, outcomes. */
export type { RunHandle, WaitOptions } from './runtime/run-handle.ts';
export type {
  BulkOptions,
  Changed,
  RunListQuery,
  RunLogsQuery,
  RunQuery,
  Runs,
} from './runtime/runs.ts';
export type { Grant, GrantContext, Grants } from './runtime/scripts/grants.ts';
export type { RunningScript, RunScriptOptions } from './runtime/scripts/run-script.ts';
export { runScript } from './runtime/scripts/run-script.ts';
export type { Replaced, ScriptLanguage } from './runtime/scripts/script-host.ts';
/** Signals to runs, and what runs declare of themselves. */
export type {
  DeclaredValue,
  SentSignal,
  SignalAnswer,
  SignalOptions,
} from './runtime/signals.ts';
export type { StartOptions } from './runtime/start-item.ts';
export type { RuntimeStats } from './runtime/stats.ts';
/** How a store is named. */
export type { PostgresOption, StoreOption } from './runtime/store-place.ts';
export type { FunctionView, Run, RunLogLine, RunStep, RunSummary } from './runtime/views.ts';
/** How scripts and threads have their VMs, and what they may use. */
export type { PoolKind, PoolOptions } from './sandbox/pool/terms.ts';
export type { ScriptLimits } from './sandbox/vm/limits.ts';
/** What can be given as the transaction in which a run is started. */
export type {
  CallerTransaction,
  QueryTransaction,
  TaggedTransaction,
} from './store/postgres/caller-transaction.ts';
/** What a runtime knows of the server of its store. */
export type { StoreAlarm, StoreHealth } from './store/postgres/health.ts';
/** Handlers in threads of their own. */
export type { ThreadContext, ThreadOptions } from './thread-handler.ts';
export { threadHandler } from './thread-handler.ts';
