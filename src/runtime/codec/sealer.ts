/**
 * Owns what of the rows of a store is sealed, and how each of them looks sealed and open.
 *
 * S1 Sealed are: inputs, results, progress, declared state, parts, what steps give, data of events,
 *    of signals and of decisions, words and stacks of errors of handlers, log lines with their
 *    fields. In the open are: ids, names, lanes, tenants, tags, times, counts, tokens, codes of
 *    errors, reasons of operators.
 * S2 What is in the open in the store is read as it is: a store may hold both.
 * S3 What cannot be opened is handed on as it is, with a word of why; it harms nobody beside it.
 * S4 A cipher that fails is a fault of the store to everybody else: it is waited out.
 * S5 A text opens only where it stands (`spot.ts`): whoever writes to the store cannot put that of
 *    one run, or of one step, in the place of another.
 */
import { HoldfastError } from '../../core/errors.ts';
import type { ErrorDetail, Outcome } from '../../core/outcome.ts';
import { type Envelope, isEnvelope, unreadable } from '../../core/payload.ts';
import type { Cipher, Purpose, Soon } from '../../ports/cipher.ts';
import type { LogPage, RunDetail, RunEnd, RunView } from '../../ports/store-reads.ts';
import type { EndOfAttempt, LogLine, NoteItem, StartItem } from '../../ports/store-runs.ts';
import type { SignalItem } from '../../ports/store-signals.ts';
import type { EventItem, StepRow, StepWrite } from '../../ports/store-steps.ts';
import { asked, indexed } from './match-index.ts';
import { all, go } from './soon.ts';
import { marked, markIn, markOf, mayStand, placeOf, type Spot } from './spot.ts';

/** What stands where the words of a sealed error were. */
const sealedWords = 'the words of this error are sealed';

/** Seals what goes into a store, and opens what comes out. */
export class Sealer {
  readonly #cipher: Cipher;

  constructor(cipher: Cipher) {
    this.#cipher = cipher;
  }

  seal(text: string, purpose: Purpose, spot: Spot, same: string | null = null): Soon<string> {
    const mark = markOf(spot.of ?? '');
    const sealed = waitedOut(() => this.#cipher.seal(text, purpose, same, placeOf(mark, spot)));
    return go(sealed, (made) => marked(made, mark));
  }

  /** S2, S3, S5 */
  open(text: string, purpose: Purpose, spot: Spot): Soon<string> {
    const parsed = envelopeIn(text);
    if (parsed?.$hf !== this.#cipher.name) return text;
    const shown = (why: string): string => JSON.stringify({ ...parsed, why });
    const mark = markIn(parsed);
    if (mark !== null && !mayStand(mark, spot)) return shown('payload.damaged');
    const place = placeOf(mark ?? markOf(spot.of ?? ''), spot);
    return caught(() => this.#cipher.open(text, purpose, place), shown);
  }

  /** As `open`, but throws what it cannot open: for whoever would go on with it. */
  async opened(text: string, purpose: Purpose, spot: Spot): Promise<string> {
    const opened = await this.open(text, purpose, spot);
    const envelope = envelopeIn(opened);
    if (envelope?.$hf === this.#cipher.name) throw unreadable(envelope);
    return opened;
  }

  openOrNull(text: string | null, purpose: Purpose, spot: Spot): Soon<string | null> {
    return text === null ? null : this.open(text, purpose, spot);
  }

  // Events.

  sealEvent(item: EventItem): Soon<EventItem> {
    const { blind } = this.#cipher;
    return go(this.seal(item.data, 'event', { of: item.id }, sameEvent(item)), (sealed) => ({
      ...item,
      data: indexed(blind, sealed, item.data),
    }));
  }

  /** The same event as it may have been sealed before: by an earlier key, in an earlier form. */
  earlierEvents(item: EventItem): Soon<readonly EventItem[]> {
    const { blind } = this.#cipher;
    const mark = markOf(item.id);
    const place = placeOf(mark, { of: item.id });
    const earlier = waitedOut(() =>
      this.#cipher.earlier(item.data, 'event', sameEvent(item), place),
    );
    return go(earlier, (texts) =>
      texts.map(({ sealed, placed }) => ({
        ...item,
        data: indexed(blind, placed ? marked(sealed, mark) : sealed, item.data),
      })),
    );
  }

  // What owners write.

  /** Of a run that is handed back the id may not be known; nothing of it is sealed. */
  sealEnd(end: EndOfAttempt, id: () => string): Soon<EndOfAttempt> {
    switch (end.how) {
      case 'succeeded':
        return go(this.seal(end.result, 'result', { of: id() }), (result) => ({ ...end, result }));
      case 'failed':
        return go(this.#sealError(end.error, { of: id() }), (error) => ({ ...end, error }));
      case 'parked':
        return go(
          all(end.waits, (write) => this.sealWrite(write, id())),
          (waits) => ({
            ...end,
            waits,
          }),
        );
      case 'timed-out':
      case 'stopped':
      case 'diverged':
      case 'handed-back':
        return end;
    }
  }

  sealWrite(write: StepWrite, of: string): Soon<StepWrite> {
    if (write.does === 'begin') return write;
    if (write.does === 'wait') {
      const { event, kind } = write;
      // Names of signals are in the open.
      return event === null || kind === 'signal'
        ? write
        : { ...write, event: asked(this.#cipher.blind, event) };
    }
    const { end, key } = write;
    const spot = { of, what: key };
    if (end.error !== null) {
      return go(this.#sealError(end.error, spot), (error) => ({
        ...write,
        end: { ...end, error },
      }));
    }
    // The end of a wait whose time is over holds nothing of anybody's.
    if (end.value === null || write.kind !== 'step') return write;
    return go(this.seal(end.value, 'step', spot), (value) => ({
      ...write,
      end: { ...end, value },
    }));
  }

  sealNote({ progress, lines, state, ...item }: NoteItem, of: string): Soon<NoteItem> {
    const made = progress === undefined ? undefined : this.seal(progress, 'progress', { of });
    const sets = all(state ?? [], (one) =>
      go(this.seal(one.value, 'state', { of, what: one.name }), (value) => ({ ...one, value })),
    );
    return go(made, (sealed) =>
      go(sets, (set) =>
        go(
          all(lines ?? [], (line) => this.#sealLine(line, of)),
          (kept) => ({
            ...item,
            ...(sealed === undefined ? {} : { progress: sealed }),
            ...(state === undefined ? {} : { state: set }),
            ...(lines === undefined ? {} : { lines: kept }),
          }),
        ),
      ),
    );
  }

  // Signals.

  sealSignal(item: SignalItem): Soon<SignalItem> {
    const sealed = this.seal(item.data, 'signal', spotOfSignal(item), sameSignal(item));
    return go(sealed, (data) => ({ ...item, data }));
  }

  /** The same signal as it may have been sealed under earlier keys. */
  earlierSignals(item: SignalItem): Soon<readonly SignalItem[]> {
    const mark = markOf(item.runId);
    const place = placeOf(mark, spotOfSignal(item));
    const earlier = waitedOut(() =>
      this.#cipher.earlier(item.data, 'signal', sameSignal(item), place),
    );
    return go(earlier, (texts) =>
      texts.map(({ sealed, placed }) => ({
        ...item,
        data: placed ? marked(sealed, mark) : sealed,
      })),
    );
  }

  // What is read.

  /** Whether a step of the run holds what may only stand there if it was copied (`spot.ts`). */
  isStrange({ kind, wait, end }: StepRow, id: string): boolean {
    if (end === null || kind === 'sleep' || kind === 'event') return false;
    if (kind === 'approval' && wait?.token === null) return true;
    const sealed = end.error?.details?.sealed;
    const value = kind === 'signal' ? dataIn(end.value) : (end.value ?? '');
    const envelope = isEnvelope(sealed) ? sealed : envelopeIn(value);
    return envelope !== null && this.isStrangeIn(envelope, id);
  }

  /** Whether a sealed text is marked as that of another run. */
  isStrangeIn(text: Envelope | string, id: string): boolean {
    const envelope = typeof text === 'string' ? envelopeIn(text) : text;
    const mark = envelope === null ? null : markIn(envelope);
    return mark !== null && mark !== markOf(id);
  }

  /** `copied`: as in `Spot`. */
  openStep(row: StepRow, id: string, copied: boolean): Soon<StepRow> {
    const { end } = row;
    if (end === null) return row;
    const spot = { of: id, what: row.key, copied };
    return go(this.#openError(end.error, spot), (error) =>
      go(this.#openValue(row, spot), (value) => ({
        ...row,
        end: { ...end, error, value },
      })),
    );
  }

  openView<View extends RunView>(view: View): Soon<View> {
    const of = view.id;
    return go(this.openOrNull(view.progress, 'progress', { of }), (progress) =>
      go(this.openOutcome(view.outcome, of), (outcome) => ({ ...view, progress, outcome })),
    );
  }

  async openDetail(detail: RunDetail): Promise<RunDetail> {
    const of = detail.id;
    const attempts = await all(detail.attempts, (row) =>
      go(this.#openError(row.error, { of }), (error) => ({ ...row, error })),
    );
    const input = await this.open(detail.input, 'input', spotOfInput(detail));
    const result = await this.openOrNull(detail.result, 'result', { of });
    return { ...(await this.openView(detail)), attempts, input, result };
  }

  openRunEnd(end: RunEnd): Soon<RunEnd> {
    return go(this.openOrNull(end.result, 'result', { of: end.id }), (result) =>
      go(this.openOutcome(end.outcome, end.id), (outcome) => ({
        ...end,
        result,
        outcome: outcome ?? end.outcome,
      })),
    );
  }

  openOutcome(outcome: Outcome | null, of: string | null): Soon<Outcome | null> {
    if (outcome === null || outcome.error === null) return outcome;
    return go(this.#openError(outcome.error, { of }), (error) => ({ ...outcome, error }));
  }

  openLine(line: LogPage['lines'][number], of: string): Soon<LogPage['lines'][number]> {
    if (envelopeIn(line.message) === null) return line;
    return go(this.open(line.message, 'log', { of }), (text) => {
      if (envelopeIn(text) !== null) return { ...line, message: text };
      const [message, fields] = JSON.parse(text) as [string, string | null];
      return { ...line, message, fields };
    });
  }

  // Parts.

  #sealLine(line: LogLine, of: string): Soon<LogLine> {
    const text = JSON.stringify([line.message, line.fields]);
    return go(this.seal(text, 'log', { of }), (message) => ({ ...line, message, fields: null }));
  }

  #sealError({ code, ...words }: ErrorDetail, spot: Spot): Soon<ErrorDetail> {
    return go(this.seal(JSON.stringify(words), 'error', spot), (sealed) => ({
      code,
      message: sealedWords,
      details: { sealed: JSON.parse(sealed) as unknown },
    }));
  }

  #openError(error: ErrorDetail | null, spot: Spot): Soon<ErrorDetail | null> {
    const sealed = error?.details?.sealed;
    if (error === null || !isEnvelope(sealed)) return error;
    return go(this.open(JSON.stringify(sealed), 'error', spot), (text) => {
      const words: unknown = JSON.parse(text);
      if (isEnvelope(words)) return { ...error, details: { ...error.details, sealed: words } };
      // What the store added later stands beside the words of the handler.
      const { sealed: _, ...added } = error.details ?? {};
      const own = words as Omit<ErrorDetail, 'code'>;
      const details = { ...own.details, ...added };
      const { code } = error;
      return { code, ...own, ...(Object.keys(details).length === 0 ? {} : { details }) };
    });
  }

  /** What an event or a signal gives holds its id, its number and its time beside its data. */
  #openValue({ kind, wait, end }: StepRow, spot: Spot): Soon<string | null> {
    const value = end?.value ?? null;
    if (value === null || !value.includes('"$hf"')) return value;
    if (kind === 'step') return this.open(value, 'step', spot);
    if (kind === 'approval') {
      return this.open(value, 'decision', { ...spot, of: wait?.token ?? null, what: '' });
    }
    const parsed = JSON.parse(value) as { readonly id?: string; readonly data?: unknown };
    const of = parsed.id ?? null;
    const at = kind === 'signal' ? { ...spot, what: of ?? '' } : { of };
    const purpose = kind === 'signal' ? 'signal' : 'event';
    return go(this.open(JSON.stringify(parsed.data), purpose, at), (data) =>
      JSON.stringify({ ...parsed, data: JSON.parse(data) as unknown }),
    );
  }
}

/** Where the input of a run stands. */
export const spotOfInput = (run: {
  readonly id: string;
  readonly fn: string;
  readonly tenant: string;
  readonly retryOf?: string | null;
}): Spot => ({
  of: run.id,
  what: JSON.stringify([run.fn, run.tenant]),
  copied: (run.retryOf ?? null) !== null,
  shared: sharedBy(run),
});

/** For what the input of a start is sealed (P4 of `spot.ts`). */
export const spotOfStart = (item: StartItem): Spot =>
  item.flow?.debounce === undefined
    ? spotOfInput(item)
    : { ...spotOfInput(item), of: sharedBy(item) };

const sharedBy = ({ fn, tenant }: { readonly fn: string; readonly tenant: string }): string =>
  JSON.stringify(['debounced', fn, tenant]);

/** Where the data of a signal stands: the same in the inbox and in the wait that was given it. */
const spotOfSignal = ({ runId, id }: SignalItem): Spot => ({ of: runId, what: id });

/** What a signal that ended a wait holds beside its id, name and time. */
function dataIn(value: string | null): string {
  if (value === null || !value.includes('"$hf"')) return '';
  return JSON.stringify((JSON.parse(value) as { readonly data?: unknown }).data ?? null);
}

/** What is not ours may be any text: a line that a handler logged in the open. */
function envelopeIn(text: string): Envelope | null {
  if (!text.includes('"$hf"')) return null;
  try {
    const parsed: unknown = JSON.parse(text);
    return isEnvelope(parsed) ? parsed : null;
  } catch {
    return null;
  }
}

const sameSignal = ({ runId, name, id }: SignalItem): string => JSON.stringify([runId, name, id]);

const sameEvent = ({ tenant, name, id }: EventItem): string => JSON.stringify([tenant, name, id]);

/** S4. The words of the cipher are not passed on: they may tell what it was given. */
const fault = (cause: unknown): HoldfastError =>
  new HoldfastError('store.unavailable', 'the cipher of this runtime fails', { cause });

function waitedOut<T>(work: () => Soon<T>): Soon<T> {
  try {
    const made = work();
    if (!(made instanceof Promise)) return made;
    return made.catch((cause: unknown) => {
      throw fault(cause);
    });
  } catch (cause) {
    throw fault(cause);
  }
}

/** S3 */
function caught(work: () => Soon<string>, shown: (why: string) => string): Soon<string> {
  const judge = (error: unknown): string => {
    const code = error instanceof HoldfastError ? error.code : null;
    if (code === 'payload.no_key' || code === 'payload.damaged') return shown(code);
    throw fault(error);
  };
  try {
    const made = work();
    return made instanceof Promise ? made.catch(judge) : made;
  } catch (error) {
    return judge(error);
  }
}
