/**
 * Owns what users do with runs that exist: look, wait, cancel, retry, one or many.
 *
 * B1 Bulk actions go page by page, newest first, and never see what they made themselves.
 * B2 Without a status or outcome a bulk action looks only at runs that it can change.
 */
import {
  checkKey,
  checkNumber,
  checkOptions,
  checkWhole,
  checkWord,
  invalid,
  reasonText,
} from '../core/check.ts';
import { HoldfastError } from '../core/errors.ts';
import { type RunStatus, runStatuses } from '../core/execution/run.ts';
import { limits } from '../core/limits.ts';
import { type OutcomeKind, outcomeKinds } from '../core/outcome.ts';
import { wallMs } from '../core/time.ts';
import { explain } from '../engine/explain.ts';
import { type LogLevel, logLevels } from '../ports/log.ts';
import type { ExplainFacts, LogFilter, RunCounts, RunFilter } from '../ports/store-reads.ts';
import { type ChildrenQuery, childrenOf, type RunChildren } from './children.ts';
import type { Lifeline } from './lifeline.ts';
import {
  followParts,
  type PartPage,
  type PartsOptions,
  pageOfParts,
  type RunPart,
} from './parts.ts';
import { checkPin, repinned } from './pinning.ts';
import type { Registry } from './registry.ts';
import {
  Handle,
  type HandleHost,
  type RunHandle,
  resultOf,
  type WaitOptions,
  waitFor,
} from './run-handle.ts';
import {
  answerOf,
  type DeclaredValue,
  type SentSignal,
  type SignalAnswer,
  type SignalOptions,
  sendSignal,
  stateOf,
} from './signals.ts';
import {
  type Run,
  type RunLogLine,
  type RunStep,
  type RunSummary,
  runOf,
  stepOf,
  summaryOf,
} from './views.ts';

/** Which runs: every word that is given must hold. Times are ms since the epoch. */
export interface RunQuery {
  readonly status?: RunStatus;
  readonly outcome?: OutcomeKind;
  readonly fn?: string;
  readonly lane?: string;
  readonly tenant?: string;
  readonly tag?: string;
  readonly acceptedAfter?: number;
  readonly acceptedBefore?: number;
}

/** Which runs, and which page of them. */
export interface RunListQuery extends RunQuery {
  /** Runs of one page, 1 to 1,000. Default 100. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly cursor?: string;
}

/** Which log lines of a run, and which page of them. */
export interface RunLogsQuery {
  /** The `n` of the last line that is known. */
  readonly after?: number;
  /** Lines of one page, 1 to 1,000. Default 200. */
  readonly limit?: number;
  /** Lines of this attempt alone. */
  readonly attempt?: number;
  /** Lines of this level, and of those that are more important. */
  readonly level?: LogLevel;
}

const filterNames = [
  ...['status', 'outcome', 'fn', 'lane', 'tenant', 'tag', 'acceptedAfter', 'acceptedBefore'],
];
const pageRowsDefault = 100;
const logLinesDefault = 200;
const stepsDefault = 200;

/** Runs of one store. */
export class Runs implements HandleHost {
  readonly #lifeline: Lifeline;
  readonly #registry: Registry;

  constructor(lifeline: Lifeline, registry: Registry) {
    this.#lifeline = lifeline;
    this.#registry = registry;
  }

  /** Everything that is kept of a run, or null if the store does not know it (any more). */
  async get(id: string): Promise<Run | null> {
    const detail = await this.#store().get(checkId(id));
    return detail === null ? null : runOf(detail, this.#payloads());
  }

  /** Runs, newest first. A page may be short before the end: `next` says whether there is more. */
  async list(
    query: RunListQuery = {},
  ): Promise<{ readonly runs: readonly RunSummary[]; readonly next: string | null }> {
    checkOptions('list', query, [...filterNames, 'limit', 'cursor']);
    const { limit = pageRowsDefault, cursor, ...words } = query;
    const rowsMax = checkWhole('limit', limit, 1, limits.pageRowsMax);
    const filter = filterOf(words);
    const { runs, next } = await this.#store().list({ filter, before: seqOf(cursor), rowsMax });
    const payloads = this.#payloads();
    const shown = runs.map((view) => summaryOf(view, payloads));
    return { runs: shown, next: next === null ? null : String(next) };
  }

  /** A handle of a run by its id. Whether it exists shows when it is used. */
  handle(id: string): RunHandle {
    return new Handle<unknown>(this.#lifeline, this, id, false);
  }

  /** Waits for the result of a run; see `RunHandle.result`. */
  async result(id: string, options: WaitOptions = {}): Promise<unknown> {
    const end = await waitFor(this.#lifeline, checkId(id), 'any', options);
    return resultOf(end, this.#payloads());
  }

  /**
   * Cancels a run. `cancelled`: it had not begun and has its outcome. `stopping`: its owner is
   * told, and its outcome follows within the grace; one that is parked is taken up once more, so
   * that its code cleans up, and is cancelled without after 30 s. Rejects with `run.not_found` or
   * `run.already_done`.
   */
  async cancel(id: string, reason?: string): Promise<{ readonly state: 'cancelled' | 'stopping' }> {
    const item = { id: checkId(id), reason: cancelReason(reason) };
    const verdict = await this.#lifeline.ensureOpen().engine.intake.cancels.add(item);
    if (verdict.ok) return { state: verdict.state };
    throw new HoldfastError(verdict.code, verdict.message, { details: { id } });
  }

  /**
   * Tries a run again that did not succeed. A quarantined run goes on under its id; one that has
   * its outcome keeps it, and a new run with the same input is started (`retryOf` names the old
   * one). With `id`, the new run's, it is tried once however often this is asked for; an id that
   * another run has is `run.illegal_transition`.
   */
  async retry(id: string, options: { readonly id?: string } = {}): Promise<RunHandle> {
    checkOptions('retry', options, ['id']);
    const { intake, world } = this.#lifeline.ensureOpen().engine;
    const newId = checkId(options.id ?? world.random.id());
    const verdict = await intake.retries.add({ id: checkId(id), newId });
    if (verdict.ok) return new Handle<unknown>(this.#lifeline, this, verdict.id, verdict.created);
    throw new HoldfastError(verdict.code, verdict.message, { details: { id } });
  }

  /**
   * Sends a run on with the code of another version: null is the one that nodes host as their
   * current. A queued run keeps its place; a parked or quarantined one is executed at once. Gives
   * the version to which it was pinned. Rejects with `run.not_found`, `run.illegal_transition` for
   * a run that is being executed, and `run.already_done`.
   *
   * @example
   * await hf.runs.repin(run.id, '1');
   */
  repin(id: string, version: string | null): Promise<{ readonly before: string | null }> {
    return repinned(this.#lifeline.ensureOpen().engine.world, checkId(id), version);
  }

  /**
   * Starts a second run with the same input that goes on from a step of the first: what ended
   * before step `from` is taken along, and that one and all later ones are done anew. Without
   * `from` everything that has ended is kept. The first run stays as it is; `retryOf` of the new
   * one names it. If steps are kept, it goes on with the version that the first is pinned to, or
   * with `version` (null: the current one). Rejects with `run.not_found`, `step.not_found`,
   * `run.conflict`, `store.full`.
   */
  async fork(
    id: string,
    options: {
      readonly from?: string;
      readonly id?: string;
      readonly version?: string | null;
    } = {},
  ): Promise<RunHandle> {
    checkOptions('fork', options, ['from', 'id', 'version']);
    const { intake, world } = this.#lifeline.ensureOpen().engine;
    const newId = checkId(options.id ?? world.random.id());
    const from = options.from === undefined ? null : checkStepKey(options.from);
    const pin = options.version === undefined ? {} : { pin: checkPin(options.version) };
    const verdict = await intake.forks.add({ id: checkId(id), newId, from, ...pin });
    if (verdict.ok) return new Handle<unknown>(this.#lifeline, this, verdict.id, verdict.created);
    throw new HoldfastError(verdict.code, verdict.message, { details: { id, from } });
  }

  /**
   * What the code of a run has done and waits for, in the order in which it asked; `after` is the
   * `ord` of the last step that is known.
   */
  async steps(
    id: string,
    options: { readonly after?: number; readonly limit?: number } = {},
  ): Promise<{ readonly steps: readonly RunStep[]; readonly next: number | null }> {
    checkOptions('steps', options, ['after', 'limit']);
    const { after = 0, limit = stepsDefault } = options;
    checkWhole('after', after, 0, Number.MAX_SAFE_INTEGER);
    const rowsMax = checkWhole('limit', limit, 1, limits.stepPageRowsMax);
    const page = await this.#store().steps(checkId(id), after, rowsMax);
    if (page === null) throw notFound(id);
    const payloads = this.#payloads();
    return { steps: page.steps.map((row) => stepOf(row, payloads)), next: page.next };
  }

  /**
   * Tells a run something that its definition declares (`signals`), in order with whatever else it
   * is told. Resolves once the signal is kept: the run will be given it, or end. Rejects with
   * `run.not_found`, `run.already_done`, `signal.unknown`, `input.invalid`, `signal.conflict`,
   * `signals.full`, `payload.*`, `store.*`.
   *
   * @example
   * const sent = await hf.runs.signal(run.id, 'book', { seats: 2 }, { id: 'booking-17' });
   * const answer = await sent.answer({ timeoutMs: 30_000 });
   * answer.state; // => 'accepted', 'refused' or 'unanswered'
   */
  signal(
    id: string,
    name: string,
    data: unknown = null,
    options: SignalOptions = {},
  ): Promise<SentSignal> {
    return sendSignal(this.#lifeline, this.#registry, id, name, data, options);
  }

  /**
   * Waits for what a run says about a signal of that id. Rejects with `signal.not_found` and
   * `wait.timeout`.
   */
  answer(id: string, signalId: string, options: WaitOptions = {}): Promise<SignalAnswer> {
    return answerOf(this.#lifeline, id, signalId, options);
  }

  /** What a run declares of itself (`ctx.state.set`), by name. Rejects with `run.not_found`. */
  state(id: string): Promise<readonly DeclaredValue[]> {
    return stateOf(this.#lifeline, id);
  }

  /**
   * The runs that the code of a run has started (`ctx.start`, `ctx.all`), in the order in which
   * they were accepted, a page at a time. Rejects with `run.not_found`.
   */
  children(id: string, query: ChildrenQuery = {}): Promise<RunChildren> {
    return childrenOf(this.#lifeline, id, query);
  }

  /** Cancels every run that matches and has no outcome yet. */
  async cancelWhere(query: RunQuery, reason?: string, bulk: BulkOptions = {}): Promise<Changed> {
    const text = cancelReason(reason);
    const { intake } = this.#lifeline.ensureOpen().engine;
    return this.#inBulk(query, cancellable, bulk, (runs) =>
      intake.cancels.addAll(runs.map(({ id }) => ({ id, reason: text }))),
    );
  }

  /** Tries every run again that matches and did not succeed. */
  async retryWhere(query: RunQuery, bulk: BulkOptions = {}): Promise<Changed> {
    const { intake, world } = this.#lifeline.ensureOpen().engine;
    return this.#inBulk(query, retryable, bulk, (runs) =>
      intake.retries.addAll(runs.map(({ id }) => ({ id, newId: world.random.id() }))),
    );
  }

  /** One sentence that says why a run is where it is, and the facts behind it. */
  async explain(id: string): Promise<{ readonly sentence: string; readonly facts: ExplainFacts }> {
    const facts = await this.#store().explain(checkId(id));
    if (facts === null) throw notFound(id);
    return { sentence: explain(facts), facts };
  }

  /**
   * Lines that the handler logged, oldest first; `after` is the `n` of the last line that is known.
   * With `attempt` and `level` only those of that attempt, and of that level and above it.
   */
  async logs(
    id: string,
    options: RunLogsQuery = {},
  ): Promise<{
    readonly lines: readonly RunLogLine[];
    readonly next: number | null;
    readonly dropped: number;
  }> {
    checkOptions('logs', options, ['after', 'limit', 'attempt', 'level']);
    const { after = null, limit = logLinesDefault, ...words } = options;
    if (after !== null) checkWhole('after', after, 0, Number.MAX_SAFE_INTEGER);
    const linesMax = checkWhole('limit', limit, 1, limits.logLinesMax);
    const filter = logFilterOf(words);
    const page = await this.#store().logs(checkId(id), after, linesMax, filter);
    if (page === null) throw notFound(id);
    const lines = page.lines.map(({ fields, ...line }) => ({
      ...line,
      fields: fields === null ? null : (JSON.parse(fields) as unknown),
    }));
    return { lines, next: page.next, dropped: page.dropped };
  }

  /**
   * What the handler emitted, part by part, from the offset `from` on; then what it goes on to
   * emit, as it comes, until the run has ended. To go on after a break, give the offset of the
   * last part and 1. Rejects with `run.not_found`, `key.invalid` and the reason of the signal.
   *
   * @example
   * for await (const { data } of hf.runs.parts(run.id)) process.stdout.write(data);
   */
  parts(id: string, options: PartsOptions = {}): AsyncIterableIterator<RunPart> {
    return followParts(this.#lifeline, id, options);
  }

  /** The parts that are there now, from the offset `from` on: one page, at most `limit` of them. */
  partPage(
    id: string,
    options: { readonly from?: number; readonly limit?: number } = {},
  ): Promise<PartPage> {
    return pageOfParts(this.#lifeline, id, options);
  }

  /** How many runs there are by status and by outcome. */
  async counts(): Promise<RunCounts> {
    return this.#store().counts();
  }

  #store() {
    return this.#lifeline.ensureOpen().engine.world.store;
  }

  #payloads() {
    return this.#lifeline.engine.world.payloads;
  }

  async #inBulk(
    query: RunQuery,
    standard: readonly RunQuery[],
    { onProgress, signal }: BulkOptions,
    act: (runs: readonly { readonly id: string }[]) => Promise<readonly { ok: boolean }[]>,
  ): Promise<Changed> {
    checkOptions('the filter', query, filterNames);
    const given = filterOf(query);
    const named = given.status !== undefined || given.outcome !== undefined;
    const count = { matched: 0, changed: 0 };
    for (const more of named ? [{}] : standard) {
      const filter: RunFilter = { ...given, ...filterOf(more) };
      let before: number | null = null;
      do {
        signal?.throwIfAborted();
        const rowsMax = limits.pageRowsMax;
        const page = await this.#store().list({ filter, before, rowsMax });
        const verdicts = await act(page.runs);
        count.matched += verdicts.length;
        count.changed += verdicts.filter(({ ok }) => ok).length;
        onProgress?.({ ...count });
        before = page.next;
      } while (before !== null);
    }
    return count;
  }
}

/** How a bulk action is watched and stopped. */
export interface BulkOptions {
  /** Called after each page with what was done so far. */
  readonly onProgress?: (sofar: Changed) => void;
  /** Stops before the next page, with the signal's reason. What was done stays done. */
  readonly signal?: AbortSignal;
}

/** What a bulk action did: how many runs matched, and how many of them it changed. */
export interface Changed {
  readonly matched: number;
  readonly changed: number;
}

/** B2: what can be cancelled, each of these. */
export const cancellable: readonly RunQuery[] = runStatuses
  .filter((status) => status !== 'done')
  .map((status) => ({ status }));

/** B2: what can be tried again, each of these. */
export const retryable: readonly RunQuery[] = [
  { status: 'quarantined' },
  ...outcomeKinds.filter((kind) => kind !== 'succeeded').map((outcome) => ({ outcome })),
];

const checkId = (id: string): string => checkKey('id', id, limits.idCharsMax);

/** A kind, a name, and a number. */
const checkStepKey = (key: string): string => checkKey('from', key, limits.stepKeyCharsMax);

const notFound = (id: string): HoldfastError =>
  new HoldfastError('run.not_found', `no run '${id}' is in the store`, { details: { id } });

const cancelReason = (reason: string | undefined): string => {
  const text = reasonText(reason);
  return text === '' ? 'cancelled by request' : text;
};

function seqOf(cursor: string | undefined): number | null {
  if (cursor === undefined) return null;
  if (typeof cursor !== 'string' || !/^\d{1,16}$/.test(cursor)) {
    throw invalid('cursor', cursor, "give the 'next' of the page before");
  }
  return Number(cursor);
}

function logFilterOf({ attempt, level }: RunLogsQuery): LogFilter {
  return {
    ...(attempt === undefined
      ? {}
      : { attempt: checkWhole('attempt', attempt, 1, Number.MAX_SAFE_INTEGER) }),
    ...(level === undefined ? {} : { level: checkWord('level', level, logLevels) }),
  };
}

/** The filter, checked: a misspelt status would match nothing in silence. */
function filterOf(query: RunQuery): RunFilter {
  const { status, outcome, acceptedAfter, acceptedBefore } = query;
  const { fn, lane, tenant, tag } = query;
  const key = (name: string, value: string | undefined, charsMax: number) =>
    value === undefined ? {} : { [name]: checkKey(name, value, charsMax) };
  const time = (name: string, value: number | undefined) =>
    value === undefined
      ? {}
      : { [name]: wallMs(checkNumber(name, value, 0, Number.MAX_SAFE_INTEGER)) };
  return {
    ...(status === undefined ? {} : { status: checkWord('status', status, runStatuses) }),
    ...(outcome === undefined ? {} : { outcome: checkWord('outcome', outcome, outcomeKinds) }),
    ...key('fn', fn, limits.keyCharsMax),
    ...key('lane', lane, limits.keyCharsMax),
    ...key('tenant', tenant, limits.keyCharsMax),
    ...key('tag', tag, limits.tagCharsMax),
    ...time('acceptedAfter', acceptedAfter),
    ...time('acceptedBefore', acceptedBefore),
  };
}
