/**
 * Owns how signals, the answers to them, and declared state look sealed and open: the part of the
 * sealing store that is about them.
 *
 * Y1 A signal that is sent again is the one that was sent before, also where it was sealed under an
 *    earlier key: it is asked for as it may have been sealed then.
 */
import { answerKey } from '../../core/durable/signals.ts';
import type { Store, Waking, Woken } from '../../ports/store.ts';
import type {
  AnswerAsk,
  SignalItem,
  SignalStand,
  SignalVerdict,
  StateRow,
} from '../../ports/store-signals.ts';
import type { Sealer } from './sealer.ts';
import { all, go } from './soon.ts';

/** These verbs of the store, with a sealer before them. */
export function sealingSignals(
  store: Store,
  sealer: Sealer,
): Pick<Store, 'signal' | 'answers' | 'state'> {
  return {
    async signal(items) {
      const sealed = all(items, (item) => sealer.sealSignal(item));
      const call = store.signal(sealed instanceof Promise ? await sealed : sealed);
      return compared(store, sealer, items, await call);
    },
    async answers(asks) {
      const stands: (SignalStand | null)[] = [];
      for (const [at, stand] of (await store.answers(asks)).entries()) {
        const ask = asks[at];
        if (ask === undefined || stand?.state !== 'answered') stands.push(stand);
        else
          stands.push({ ...stand, answer: await openedAnswer(store, sealer, ask, stand.answer) });
      }
      return stands;
    },
    async state(id) {
      const rows = await store.state(id);
      if (rows === null) return null;
      return all(rows, (row) =>
        go(
          sealer.open(row.value, 'state', { of: id, what: row.name }),
          (value): StateRow => ({ ...row, value }),
        ),
      );
    },
  };
}

/** An answer is a step: a fork has those of the run that it was made from. */
async function openedAnswer(
  store: Store,
  sealer: Sealer,
  { runId, id }: AnswerAsk,
  answer: string,
): Promise<string> {
  const strange = sealer.isStrangeIn(answer, runId);
  const copied = strange && ((await store.get(runId))?.retryOf ?? null) !== null;
  return sealer.open(answer, 'step', { of: runId, what: answerKey(id), copied });
}

/** Y1 */
async function compared(
  store: Store,
  sealer: Sealer,
  items: readonly SignalItem[],
  { reply, woken: first }: Waking<readonly SignalVerdict[]>,
): Promise<Waking<readonly SignalVerdict[]>> {
  let woken: Woken = first;
  const verdicts: SignalVerdict[] = [];
  for (const [at, verdict] of reply.entries()) {
    const item = items[at];
    let found = verdict;
    if (!verdict.ok && verdict.code === 'signal.conflict' && item !== undefined) {
      for (const earlier of await sealer.earlierSignals(item)) {
        const again = await store.signal([earlier]);
        const [told] = again.reply;
        if (!told?.ok) continue;
        found = told;
        woken = { ...woken, ready: woken.ready || again.woken.ready };
        break;
      }
    }
    verdicts.push(found);
  }
  return { reply: verdicts, woken };
}
