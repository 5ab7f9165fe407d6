/**
 * Owns how anything that a handler throws becomes an error that can be stored.
 *
 * F1 Any value can be thrown; none of them breaks this, even when its own properties throw.
 * F2 What is kept is bounded: message, stack, the code if it is a word. No other property is kept,
 *    so that no secret gets into the store beyond what the message says.
 *    Credentials that message or stack quote are taken out.
 * F3 A step that failed for good is told as what it threw, and ends its run: in a later attempt it
 *    would give the same. So does a child that did not succeed.
 */
import { ChildError } from '../core/durable/child-error.ts';
import { StepError } from '../core/durable/step-error.ts';
import { HoldfastError } from '../core/errors.ts';
import { NonRetryableError, RetryAtError } from '../core/handler-error.ts';
import { limits } from '../core/limits.ts';
import type { ErrorDetail } from '../core/outcome.ts';
import { withoutCredentials } from '../core/redact.ts';
import type { RetryAdvice } from '../core/retry.ts';
import { wallMs } from '../core/time.ts';

/** What was thrown, as it is stored, and what it says about trying again. */
export interface Failure {
  readonly error: ErrorDetail;
  readonly advice?: RetryAdvice;
}

/** Codes of our own errors that trying again cannot mend. */
const hopeless: ReadonlySet<string> = new Set([
  'input.invalid',
  'payload.too_large',
  'payload.not_json',
  'output.invalid',
  'request.invalid',
  'key.invalid',
  'script.invalid',
  'script.over_limit',
  'sandbox.unavailable',
  'signal.unknown',
  'state.full',
]);

/** The stored form of a thrown value. */
export function failureOf(thrown: unknown): Failure {
  try {
    const error = detailOf(thrown);
    const advice = adviceOf(thrown);
    return advice === null ? { error } : { error, advice };
  } catch {
    const message = 'the handler threw a value that cannot be read';
    return { error: { code: 'attempt.failed', message } };
  }
}

function detailOf(thrown: unknown): ErrorDetail {
  if (!(thrown instanceof Error)) {
    const message = cut(`the handler threw ${textOf(thrown)}`, limits.errorMessageCharsMax);
    return { code: 'attempt.failed', message };
  }
  if (thrown instanceof StepError) {
    const { details, ...detail } = thrown.detail;
    return { ...detail, details: { ...details, step: thrown.step } };
  }
  const { stack } = thrown;
  const own = thrown instanceof ChildError ? { details: thrown.details } : {};
  const detail: ErrorDetail = {
    ...own,
    code: codeOf(thrown),
    message: cut(String(thrown.message), limits.errorMessageCharsMax),
    name: cut(String(thrown.name), limits.tagCharsMax),
  };
  if (typeof stack !== 'string') return detail;
  return { ...detail, stack: cut(stack, limits.errorStackCharsMax) };
}

/** A code is a word; whatever else stands there is not kept. */
function codeOf(error: Error): string {
  const code = 'code' in error ? error.code : undefined;
  const word = typeof code === 'string' && /^[\w.:/-]{1,100}$/.test(code);
  return word ? code : 'attempt.failed';
}

function textOf(thrown: unknown): string {
  if (typeof thrown === 'string') return `'${thrown}'`;
  if (typeof thrown !== 'object' || thrown === null) return String(thrown);
  const message = 'message' in thrown ? thrown.message : undefined;
  return typeof message === 'string' ? `an object that says '${message}'` : 'an object';
}

/** Cut first, so that the work is bounded; a secret that is cut in two may lose its mark. */
const cut = (text: string, charsMax: number): string => {
  const shown = withoutCredentials(text.slice(0, 2 * charsMax));
  return shown.length <= charsMax ? shown : `${shown.slice(0, charsMax - 1)}…`;
};

function adviceOf(thrown: unknown): RetryAdvice | null {
  if (thrown instanceof NonRetryableError || thrown instanceof StepError) return { kind: 'never' };
  if (thrown instanceof ChildError) return { kind: 'never' };
  if (thrown instanceof HoldfastError && hopeless.has(thrown.code)) return { kind: 'never' };
  if (!(thrown instanceof RetryAtError)) return null;
  if (thrown.afterMs !== null) {
    return { kind: 'after', delayMs: Math.min(Math.max(0, thrown.afterMs), limits.delayMsMax) };
  }
  return thrown.at === null ? null : { kind: 'at', at: wallMs(thrown.at) };
}
