/**
 * Owns who decides: this thread, or one of its own.
 *
 * W1 A decision holds the gate while rows travel to it and back. Where handlers run, a busy event
 *    loop would hold up every node of the schema meanwhile: there a thread decides.
 * W2 Both do the same; a decision is named by its verb and arguments, which are plain data.
 * W3 A decision whose end is unknown is made again, and finds out what became of the first.
 */
import type { DiscardItem, DiscardVerdict } from '../../../ports/store-flow.ts';
import type { CancelItem, CancelVerdict, StartItem } from '../../../ports/store-runs.ts';
import type { AnswerItem, AnswerVerdict, EventItem } from '../../../ports/store-steps.ts';
import type { Txn } from '../../verbs/txn.ts';
import { writeVerbs } from '../../verbs/verbs.ts';
import type { Pool } from '../pool.ts';
import { tried } from '../tried.ts';
import { type Deciding, decide } from './decide.ts';
import { type Accepted, acceptInbox } from './inbox.ts';
import type { Wants } from './loaded.ts';
import { again, startWants } from './start-wants.ts';

type Verbs = typeof writeVerbs;

/** The verbs that are decided over loaded rows. */
export type DecidedName = Exclude<keyof Verbs, 'claim' | 'note' | 'prune' | 'beat'>;

/** What a verb takes beside its transaction. */
export type ArgsOf<N extends DecidedName> = Verbs[N] extends (txn: Txn, ...args: infer A) => unknown
  ? A
  : never;

/** What a verb gives. */
export type ReplyOf<N extends DecidedName> = ReturnType<Verbs[N]>;

/** Decides. */
export interface Decider {
  decide<N extends DecidedName>(name: N, wants: Wants, args: ArgsOf<N>): Promise<ReplyOf<N>>;
  /** Accepts runs that were started in transactions of others. */
  acceptInbox(): Promise<Accepted>;
  close(): Promise<void>;
}

/** What deciding takes. */
export interface DeciderBase extends Deciding {
  readonly pool: Pool;
  readonly busyPatienceMs: number;
}

type AnyVerb = (txn: Txn, ...args: readonly unknown[]) => unknown;

/** W3: a run that is cancelled by now was cancelled by the first try, or needs no other. */
function cancelAgain(txn: Txn, items: readonly CancelItem[]): ReplyOf<'cancel'> {
  const answer = writeVerbs.cancel(txn, items);
  const reply = answer.reply.map((verdict, at): CancelVerdict => {
    const row = txn.tables.runs.byId(items[at]?.id ?? '');
    if (verdict.ok || row?.outcome !== 'cancelled') return verdict;
    return { ok: true, state: 'cancelled' };
  });
  return { ...answer, reply };
}

/** W3: an answer that stands by now is taken for the one that was given. */
function answerAgain(txn: Txn, items: readonly AnswerItem[]): ReplyOf<'answer'> {
  const answer = writeVerbs.answer(txn, items);
  const { steps, runs } = txn.tables;
  const reply = answer.reply.map((verdict, at): AnswerVerdict => {
    const place = steps.byToken(items[at]?.token ?? '');
    if (verdict.ok || verdict.code === 'approval.not_found' || place === undefined) return verdict;
    const row = runs.bySeq(place.seq);
    const end = steps.get(place.seq, place.key)?.end ?? null;
    if (row === undefined || end?.value !== items[at]?.value) return verdict;
    return { ok: true, runId: row.id };
  });
  return { ...answer, reply };
}

/** W3: what is no dead letter by now was discarded by the first try, or needs no other. */
function discardAgain(txn: Txn, items: readonly DiscardItem[]): ReplyOf<'discard'> {
  const answer = writeVerbs.discard(txn, items);
  const reply = answer.reply.map((verdict, at): DiscardVerdict => {
    const row = txn.tables.runs.byId(items[at]?.id ?? '');
    return verdict.ok || row?.stage !== 'done' ? verdict : { ok: true };
  });
  return { ...answer, reply };
}

/** Verbs that are made otherwise when the end of a first try is unknown. */
const madeAgain = { cancel: cancelAgain, answer: answerAgain, discard: discardAgain } as const;

const isMadeAgain = (name: DecidedName): name is keyof typeof madeAgain => name in madeAgain;

/** Decides in this thread. It closes nothing: the pool is its owner's. */
export function directDecider(base: DeciderBase): Decider {
  const { pool, policies, busyPatienceMs } = base;
  const keeping = <T>(work: (unknown: boolean) => Promise<T>): Promise<T> =>
    tried(busyPatienceMs, (unknown) => policies.kept(() => work(unknown)));
  return {
    decide: (name, wants, args) =>
      keeping((unknown) =>
        pool.write(async (queries) => {
          if (name !== 'start') {
            const repeated = unknown && isMadeAgain(name);
            const verb = (repeated ? madeAgain[name] : writeVerbs[name]) as AnyVerb;
            const about =
              name === 'emit' ? { ...wants, emitted: args[0] as readonly EventItem[] } : wants;
            return decide(base, queries, about, (txn) => verb(txn, ...args));
          }
          const items = args[0] as readonly StartItem[];
          await policies.keep(
            queries,
            items.map(({ policy }) => policy),
          );
          const sent = unknown ? again.sent(items) : items;
          const reply = await decide(base, queries, startWants(sent), (txn) =>
            writeVerbs.start(txn, sent),
          );
          return unknown ? again.answered(reply, items) : reply;
        }),
      ) as Promise<never>,
    acceptInbox: () => keeping(() => pool.write((queries) => acceptInbox(base, queries))),
    close: async () => {},
  };
}
