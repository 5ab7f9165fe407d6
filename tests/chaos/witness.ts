/**
 * Owns the witness inside a worker: it stands between the engine and the real store, and writes to
 * the ledger what is asked and answered in the words of the port. It changes nothing of that; what
 * is said beside it is the straggler's.
 *
 * W1 What was claimed is written before the engine hears of it: no handler is called for a claim
 *    that the ledger does not know.
 * W2 An end, of a run or of a step, is written before it is sent, and its verdict before the
 *    engine hears it.
 */
import { fenceOf } from '../../src/core/fence.ts';
import type { World } from '../../src/engine/world.ts';
import type { Store } from '../../src/ports/store.ts';
import type { Beat } from '../../src/ports/store-nodes.ts';
import type { RecordItem, RecordVerdict, StepWrite } from '../../src/ports/store-steps.ts';
import { hostMs } from '../process/wait.ts';
import {
  type Answer,
  type Pen,
  type SentEnd,
  type SentSteps,
  type StepsAnswer,
  scribe,
} from './ledger.ts';
import type { Straggler } from './straggler.ts';
import { endAnswer, sentEnd, sentSteps, stepsAnswer } from './words.ts';

/** What the witness adds to a world, and what it may spoil on purpose. */
export interface WitnessTerms {
  readonly pen: Pen;
  /** Looks like a process of another host: it cannot be looked up, and only its lease counts. */
  readonly far: boolean;
  /** Speaks beside the engine, too late. */
  readonly straggler: Straggler;
  /** Writes one end as accepted under another fence, to try the auditor. */
  readonly plantDouble: boolean;
}

/** Whatever the port rejects with, nobody knows what was done. */
const faultOf = (error: unknown): Answer => ({
  fault: error instanceof Error && 'code' in error ? String(error.code) : String(error),
});

/** The same world with a witness. */
export function witnessed(world: World, terms: WitnessTerms): World {
  const { far } = terms;
  const { store, processes } = world;
  const self = processes.self();
  const name = `${self.hostId}-far-${self.pid}`;
  return {
    ...world,
    processes: far
      ? { self: () => ({ ...self, hostId: name }), look: (one) => processes.look(one) }
      : processes,
    store: watched(store, terms),
  };
}

function watched(store: Store, { pen, straggler, plantDouble }: WitnessTerms): Store {
  const write = scribe(pen, faultOf);
  speakLate(store, straggler, write);
  const ids = new Map<number, string>();
  let planted = !plantDouble;
  let plantedStep = !plantDouble;
  const verbs: Partial<Store> = {
    async claim(ask) {
      const from = hostMs();
      const reply = await store.claim(ask);
      if (!reply.ok || reply.runs.length === 0) return reply;
      const runs = reply.runs.map(({ id, seq, fence, attempt, lane, tenant }) => {
        ids.set(seq, id);
        return { id, seq, fence, attempt, lane, tenant };
      });
      pen({ what: 'claimed', from, node: ask.node, runs });
      straggler.claimed(runs);
      return reply;
    },
    async end(items) {
      const ends = items.map((item) => sentEnd(item, ids.get(item.seq) ?? null));
      return write(
        { verb: 'end', ends },
        () => store.end(items),
        ({ reply }) => {
          if (!planted) planted = plant(pen, ends);
          for (const [index, end] of ends.entries()) {
            const verdict = reply[index];
            if (verdict?.ok === true && verdict.outcome === null) straggler.wentBack(end);
          }
          return { verdicts: reply.map(endAnswer) };
        },
      );
    },
    async record(items) {
      const sent = items.map((item) => sentSteps(item, ids.get(item.seq) ?? null));
      if (sent.every(({ ends }) => ends.length === 0)) return store.record(items);
      const reply = await write(
        { verb: 'record', items: sent },
        () => store.record(items),
        (got) => ({ records: answersTo(items, got.reply) }),
      );
      if (!plantedStep) plantedStep = plantStep(pen, sent, answersTo(items, reply.reply));
      return reply;
    },
    recover: (node, evidence, rowsMax) =>
      write(
        { verb: 'recover', node, kind: evidence.kind },
        () => store.recover(node, evidence, rowsMax),
        ({ reply }) => ({ recovered: reply.ok }),
      ),
    leave: (node) =>
      write(
        { verb: 'leave', node },
        () => store.leave(node),
        () => ({ nothing: true }),
      ),
    async join(card) {
      const from = hostMs();
      const verdict = await store.join(card);
      if (verdict.ok) pen({ what: 'joined', from, node: verdict.node, ttlMs: card.ttlMs });
      return verdict;
    },
    keepAlive(ask) {
      const { node, ttlMs } = ask;
      const onBeat = (beat: Beat): void => {
        pen({ what: 'beat', from: keeper.lastRenewalStarted(), node, ttlMs });
        ask.onBeat(beat);
      };
      const keeper = store.keepAlive({ ...ask, onBeat });
      return keeper;
    },
  };
  return new Proxy(store, {
    get(target, verb) {
      const watchedVerb: unknown = Reflect.get(verbs, verb);
      if (watchedVerb !== undefined) return watchedVerb;
      const own: unknown = Reflect.get(target, verb);
      return typeof own === 'function' ? own.bind(target) : own;
    },
  });
}

type Write = ReturnType<typeof scribe>;

const answersTo = (
  items: readonly RecordItem[],
  reply: readonly RecordVerdict[],
): readonly StepsAnswer[] =>
  items.flatMap((item, at) => {
    const verdict = reply[at];
    return verdict === undefined ? [] : [stepsAnswer(item, verdict)];
  });

/** What is said beside the engine goes to the store as it is. */
function speakLate(store: Store, straggler: Straggler, write: Write): void {
  straggler.through(
    async (word) => {
      const { seq, result } = word;
      const end = { how: 'succeeded', result: result ?? 'null' } as const;
      await write(
        { verb: 'end', ends: [word] },
        () => store.end([{ seq, fence: fenceOf(word.fence), end }]),
        ({ reply }) => ({ verdicts: reply.map(endAnswer) }),
      );
    },
    async ({ attempt, ...word }) => {
      const { seq, ends } = word;
      const about = { does: 'end', kind: 'step', tries: 1 } as const;
      const writes = ends.map(
        ({ key, value }): StepWrite => ({
          ...{ ...about, key, end: { how: 'returned', value, error: null } },
        }),
      );
      const item = { seq, fence: fenceOf(word.fence), attempt, knows: 0, writes };
      await write(
        { verb: 'record', items: [word] },
        () => store.record([item]),
        ({ reply }) => ({ records: answersTo([item], reply) }),
      );
    },
  );
}

/** The code of a step that has ended begins again, for the auditor to catch. */
function plantStep(pen: Pen, sent: readonly SentSteps[], answers: readonly StepsAnswer[]): boolean {
  for (const [at, { id, fence, ends }] of sent.entries()) {
    const answer = answers[at];
    const ours = ends.find((_, nth) => answer?.ok === true && answer.ours[nth] === true);
    if (id === null || ours === undefined) continue;
    pen({ what: 'deed', run: id, fence, key: ours.key, tries: 99, aborted: false });
    return true;
  }
  return false;
}

/** A second accepted end of a run that has one, for the auditor to catch. True when it is done. */
function plant(pen: Pen, ends: readonly SentEnd[]): boolean {
  const end = ends.find(({ id, how }) => id !== null && how === 'succeeded');
  if (end === undefined) return false;
  const double = { ...end, fence: end.fence + 1, result: '"planted"' };
  const ok = { ok: true, outcome: 'succeeded', repeated: false, note: null } as const;
  pen({ what: 'call', op: -1, ask: { verb: 'end', ends: [double] } });
  pen({ what: 'answer', op: -1, answer: { verdicts: [ok] } });
  return true;
}
