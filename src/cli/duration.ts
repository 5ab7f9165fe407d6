/**
 * Owns durations and moments as people write and read them.
 *
 * D1 A duration always names its unit, so that `5` is never taken for the wrong one.
 * D2 What is written is not longer than two units: a reader wants the size, not the digits.
 */
import { HoldfastError } from '../core/errors.ts';

const unitMs = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
} as const;

type Unit = keyof typeof unitMs;

const part = /(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/g;
const whole = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+$/;

const refuse = (option: string, text: string, rule: string): HoldfastError =>
  new HoldfastError('request.invalid', `${option}: '${text}' is not ${rule}`, {
    details: { option, value: text },
  });

/** Milliseconds of `250ms`, `5s`, `1h30m`, `7d`, `0`. Refuses all else with `request.invalid`. */
export function parseDuration(option: string, text: string): number {
  if (text === '0') return 0;
  if (!whole.test(text)) throw refuse(option, text, 'a duration such as 250ms, 5s, 1h30m or 7d');
  let sum = 0;
  for (const [, count, unit] of text.matchAll(part)) sum += Number(count) * unitMs[unit as Unit];
  return Math.round(sum);
}

/** Wall time of `2026-01-31T10:00:00Z`, or of a duration that reaches back from `now`. */
export function parseMoment(option: string, text: string, now: number): number {
  if (whole.test(text)) return now - parseDuration(option, text);
  // Without a date in front, Date.parse guesses: `5` would be a month.
  const at = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) {
    throw refuse(option, text, 'a date such as 2026-01-31T10:00:00Z or a duration such as 2h');
  }
  return at;
}

const steps: readonly (readonly [Unit, Unit | null])[] = [
  ['d', 'h'],
  ['h', 'm'],
  ['m', 's'],
];

/** A duration in at most two units: `340ms`, `4.2s`, `3m 20s`, `2d 5h`. */
export function formatDuration(ms: number): string {
  if (ms < 0) return `-${formatDuration(-ms)}`;
  if (ms < 999.5) return `${Math.round(ms)}ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1).replace(/\.0$/, '')}s`;
  const rounded = Math.round(ms / 1_000) * 1_000;
  for (const [unit, next] of steps) {
    const count = Math.floor(rounded / unitMs[unit]);
    if (count === 0 || next === null) continue;
    const rest = Math.floor((rounded % unitMs[unit]) / unitMs[next]);
    return rest === 0 ? `${count}${unit}` : `${count}${unit} ${rest}${next}`;
  }
  return `${Math.round(ms / 1_000)}s`;
}

/** A moment as seen from `now`: `3m 20s ago`, `in 5s`, `now`. */
export function formatSince(at: number, now: number): string {
  const ms = now - at;
  if (Math.abs(ms) < 1) return 'now';
  return ms > 0 ? `${formatDuration(ms)} ago` : `in ${formatDuration(-ms)}`;
}

/** A moment for people and for programs alike: ISO 8601 in UTC. */
export const formatMoment = (at: number): string => new Date(at).toISOString();
