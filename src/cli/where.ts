/**
 * Owns filters over runs as they are written on the command line: options of `ls`, and
 * `--where key=value ...` of the bulk commands. Both speak of the same keys.
 */
import type { Command } from 'commander';
import type { RunStatus } from '../core/execution/run.ts';
import { runStatuses } from '../core/execution/run.ts';
import type { OutcomeKind } from '../core/outcome.ts';
import { isOutcomeKind, outcomeKinds } from '../core/outcome.ts';
import type { RunQuery } from '../runtime/runs.ts';
import { parseMoment } from './duration.ts';
import { usageError } from './failure.ts';

/** The keys of a filter, each with what it says. */
const keys = {
  status: runStatuses.join(', '),
  outcome: outcomeKinds.join(', '),
  function: 'name of the function',
  lane: 'key of the lane',
  tenant: 'for whom it runs',
  tag: 'a tag that the run has',
  since: 'accepted after this date, or within this duration',
  before: 'accepted before this date, or longer ago than this duration',
} as const;

type Key = keyof typeof keys;

/** Filters as they were written. */
export type FilterWords = Partial<Record<Key, string>>;

/** The argument's name in the help text of an option. */
const placeholder: Partial<Record<Key, string>> = {
  function: 'name',
  lane: 'key',
  since: 'when',
  before: 'when',
};

/** Gives a command one option for each key. */
export function addFilterOptions(command: Command): Command {
  for (const [key, meaning] of Object.entries(keys)) {
    command.option(`--${key} <${placeholder[key as Key] ?? key}>`, meaning);
  }
  return command;
}

/** Words of `--where`: each is `key=value`. */
export function parseWhere(pairs: readonly string[]): FilterWords {
  const words: FilterWords = {};
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    const key = pair.slice(0, Math.max(0, at));
    const known = Object.keys(keys).find((one): one is Key => one === key);
    if (known === undefined || at === pair.length - 1) {
      const names = Object.keys(keys).join(', ');
      throw usageError(`--where: '${pair}' is not key=value with a known key`, `keys: ${names}`);
    }
    words[known] = pair.slice(at + 1);
  }
  return words;
}

/** The filter that the words mean. Refuses unknown words with `request.invalid`. */
export function filterOf(words: FilterWords, now: number): RunQuery {
  const { status, outcome, function: fn, lane, tenant, tag, since, before } = words;
  return {
    ...(status === undefined ? {} : { status: statusOf(status) }),
    ...(outcome === undefined ? {} : { outcome: outcomeOf(outcome) }),
    ...(fn === undefined ? {} : { fn }),
    ...(lane === undefined ? {} : { lane }),
    ...(tenant === undefined ? {} : { tenant }),
    ...(tag === undefined ? {} : { tag }),
    ...(since === undefined ? {} : { acceptedAfter: parseMoment('since', since, now) }),
    ...(before === undefined ? {} : { acceptedBefore: parseMoment('before', before, now) }),
  };
}

function statusOf(word: string): RunStatus {
  const known = runStatuses.find((status) => status === word);
  if (known !== undefined) return known;
  const todo = isOutcomeKind(word)
    ? `'${word}' is an outcome: filter by outcome`
    : `statuses: ${runStatuses.join(', ')}`;
  throw usageError(`status: '${word}' is no status`, todo);
}

function outcomeOf(word: string): OutcomeKind {
  if (isOutcomeKind(word)) return word;
  throw usageError(`outcome: '${word}' is no outcome`, `outcomes: ${outcomeKinds.join(', ')}`);
}
