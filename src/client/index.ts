/**
 * The public interface of `holdfast/client`: a server, asked by fetch.
 */
export type { SignalAnswer } from '../runtime/signals.ts';
export type { AnyApp, InputIn, NameIn, OutputIn } from './app-functions.ts';
export type { CallTerms, LiveCalls } from './calls.ts';
export type { Client, EmitOptions } from './client.ts';
/** Makes a client: `createClient<typeof app>({ url })`. */
export { createClient } from './client.ts';
export type {
  Approvals,
  DecisionOptions,
  Functions,
  Lanes,
  Nodes,
  TenantChange,
  Tenants,
} from './controls.ts';
export type { DeadLetters, DeadListOptions } from './dead-letters.ts';
export type { ClientCode } from './error.ts';
/** The error of every call. */
export { ClientError } from './error.ts';
export type { OperationAsk, Operations, OperationWait } from './operations.ts';
export type { ClientOptions, Fetch } from './options.ts';
export type { PartPage } from './parts.ts';
export type { ClientRetry } from './retry.ts';
export type { Cancelled, ClientRun, LogOptions, WaitOptions } from './run.ts';
export type {
  ChildrenOptions,
  ForkOptions,
  ListOptions,
  LogPageOptions,
  PageOptions,
  PartOptions,
  Runs,
} from './runs.ts';
export type { SentSignal, SignalOptions } from './signals.ts';
export type { StartManyItem, StartOptions } from './start-body.ts';
export type { CallOptions } from './transport.ts';
export type {
  Caller,
  ChildPage,
  DeclaredValue,
  Explained,
  FunctionView,
  LaneView,
  LogPage,
  NodeView,
  Operation,
  Run,
  RunChild,
  RunCounts,
  RunLogLine,
  RunPage,
  RunQuery,
  RunStep,
  RunSummary,
  Started,
  StepPage,
  TenantView,
} from './views.ts';
