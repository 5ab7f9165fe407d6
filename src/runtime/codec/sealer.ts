/**
 * Owns what of the rows of a store is sealed, and how each of them looks sealed and open.
 *
 * S1 Sealed are: inputs, results, progress, parts, what steps give, data of events and of
 *    decisions, words and stacks of errors of handlers, log lines with their fields. In the open
 *    are: ids, names, lanes, tenants, tags, times, counts, tokens, codes of errors, reasons of
 *    operators.
 * S2 What is in the open in the store is read as it is: a store may hold both.
 * S3 What cannot be opened is handed on as it is, with a word of why; it harms nobody beside it.
 * S4 A cipher that fails is a fault of the store to everybody else: it is waited out.
 */
import { HoldfastError } from '../../core/errors.ts';
import type { ErrorDetail, Outcome } from '../../core/outcome.ts';
import { type Envelope, isEnvelope } from '../../core/payload.ts';
import type { Cipher, Purpose, Soon } from '../../ports/cipher.ts';
import type { LogPage, RunDetail, RunEnd, RunView } from '../../ports/store-reads.ts';
import type { EndOfAttempt, LogLine, NoteItem } from '../../ports/store-runs.ts';
import type { EventItem, StepRow, StepWrite } from '../../ports/store-steps.ts';
import { asked, indexed } from './match-index.ts';
import { all, go } from './soon.ts';

/** What stands where the words of a sealed error were. */
const sealedWords = 'the words of this error are sealed';

/** Seals what goes into a store, and opens what comes out. */
export class Sealer {
  readonly #cipher: Cipher;

  constructor(cipher: Cipher) {
    this.#cipher = cipher;
  }

  seal(text: string, purpose: Purpose, same: string | null = null): Soon<string> {
    return waitedOut(() => this.#cipher.seal(text, purpose, same));
  }

  /** S2, S3 */
  open(text: string, purpose: Purpose): Soon<string> {
    const parsed = envelopeIn(text);
    if (parsed?.$hf !== this.#cipher.name) return text;
    return caught(
      () => this.#cipher.open(text, purpose),
      (why) => JSON.stringify({ ...parsed, why }),
    );
  }

  openOrNull(text: string | null, purpose: Purpose): Soon<string | null> {
    return text === null ? null : this.open(text, purpose);
  }

  // Events.

  sealEvent(item: EventItem): Soon<EventItem> {
    const { blind } = this.#cipher;
    return go(this.seal(item.data, 'event', sameEvent(item)), (sealed) => ({
      ...item,
      data: indexed(blind, sealed, item.data),
    }));
  }

  /** The same event as it may have been sealed under earlier keys. */
  earlierEvents(item: EventItem): Soon<readonly EventItem[]> {
    const { blind } = this.#cipher;
    const earlier = waitedOut(() => this.#cipher.earlier(item.data, 'event', sameEvent(item)));
    return go(earlier, (texts) =>
      texts.map((sealed) => ({ ...item, data: indexed(blind, sealed, item.data) })),
    );
  }

  // What owners write.

  sealEnd(end: EndOfAttempt): Soon<EndOfAttempt> {
    switch (end.how) {
      case 'succeeded':
        return go(this.seal(end.result, 'result'), (result) => ({ ...end, result }));
      case 'failed':
        return go(this.#sealError(end.error), (error) => ({ ...end, error }));
      case 'parked':
        return go(
          all(end.waits, (write) => this.sealWrite(write)),
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

  sealWrite(write: StepWrite): Soon<StepWrite> {
    if (write.does === 'begin') return write;
    if (write.does === 'wait') {
      const { event } = write;
      return event === null ? write : { ...write, event: asked(this.#cipher.blind, event) };
    }
    const { end } = write;
    if (end.error !== null) {
      return go(this.#sealError(end.error), (error) => ({ ...write, end: { ...end, error } }));
    }
    // The end of a wait whose time is over holds nothing of anybody's.
    if (end.value === null || write.kind !== 'step') return write;
    return go(this.seal(end.value, 'step'), (value) => ({ ...write, end: { ...end, value } }));
  }

  sealNote({ progress, lines, ...item }: NoteItem): Soon<NoteItem> {
    const made = progress === undefined ? undefined : this.seal(progress, 'progress');
    return go(made, (sealed) =>
      go(
        all(lines ?? [], (line) => this.#sealLine(line)),
        (kept) => ({
          ...item,
          ...(sealed === undefined ? {} : { progress: sealed }),
          ...(lines === undefined ? {} : { lines: kept }),
        }),
      ),
    );
  }

  // What is read.

  openStep(row: StepRow): Soon<StepRow> {
    const { end } = row;
    if (end === null) return row;
    return go(this.#openError(end.error), (error) =>
      go(this.#openValue(row.kind, end.value), (value) => ({
        ...row,
        end: { ...end, error, value },
      })),
    );
  }

  openView<View extends RunView>(view: View): Soon<View> {
    return go(this.openOrNull(view.progress, 'progress'), (progress) =>
      go(this.openOutcome(view.outcome), (outcome) => ({ ...view, progress, outcome })),
    );
  }

  async openDetail(detail: RunDetail): Promise<RunDetail> {
    const attempts = await all(detail.attempts, (row) =>
      go(this.#openError(row.error), (error) => ({ ...row, error })),
    );
    const input = await this.open(detail.input, 'input');
    const result = await this.openOrNull(detail.result, 'result');
    return { ...(await this.openView(detail)), attempts, input, result };
  }

  openRunEnd(end: RunEnd): Soon<RunEnd> {
    return go(this.openOrNull(end.result, 'result'), (result) =>
      go(this.openOutcome(end.outcome), (outcome) => ({
        ...end,
        result,
        outcome: outcome ?? end.outcome,
      })),
    );
  }

  openOutcome(outcome: Outcome | null): Soon<Outcome | null> {
    if (outcome === null || outcome.error === null) return outcome;
    return go(this.#openError(outcome.error), (error) => ({ ...outcome, error }));
  }

  openLine(line: LogPage['lines'][number]): Soon<LogPage['lines'][number]> {
    if (envelopeIn(line.message) === null) return line;
    return go(this.open(line.message, 'log'), (text) => {
      if (envelopeIn(text) !== null) return { ...line, message: text };
      const [message, fields] = JSON.parse(text) as [string, string | null];
      return { ...line, message, fields };
    });
  }

  // Parts.

  #sealLine(line: LogLine): Soon<LogLine> {
    const text = JSON.stringify([line.message, line.fields]);
    return go(this.seal(text, 'log'), (message) => ({ ...line, message, fields: null }));
  }

  #sealError({ code, ...words }: ErrorDetail): Soon<ErrorDetail> {
    return go(this.seal(JSON.stringify(words), 'error'), (sealed) => ({
      code,
      message: sealedWords,
      details: { sealed: JSON.parse(sealed) as unknown },
    }));
  }

  #openError(error: ErrorDetail | null): Soon<ErrorDetail | null> {
    const sealed = error?.details?.sealed;
    if (error === null || !isEnvelope(sealed)) return error;
    return go(this.open(JSON.stringify(sealed), 'error'), (text) => {
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

  /** What an event gives holds its number and its time beside its data. */
  #openValue(kind: StepRow['kind'], value: string | null): Soon<string | null> {
    if (value === null || !value.includes('"$hf"')) return value;
    if (kind === 'step') return this.open(value, 'step');
    if (kind === 'approval') return this.open(value, 'decision');
    const parsed = JSON.parse(value) as { readonly data?: unknown };
    return go(this.open(JSON.stringify(parsed.data), 'event'), (data) =>
      JSON.stringify({ ...parsed, data: JSON.parse(data) as unknown }),
    );
  }
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
