/**
 * Owns a small, made-up run of chaos in which everything is right: what the auditor must find
 * nothing in, and what its tests break in one place each.
 *
 * Two nodes; one is frozen past its lease while it executes, the other takes over; a lane of width
 * 1 goes on behind it; a tenant with a limit of 2 has three runs; a durable run waits for an event
 * on the first node and goes on at the second (tale-durable.ts); another is told something and
 * starts a child (tale-signals.ts); starts of one key meet (tale-flow.ts).
 */
import type { FinalRun } from './account.ts';
import type { Evidence } from './auditor.ts';
import type { WorkInput } from './functions.ts';
import type { ClaimedLine, Line, Told } from './ledger.ts';
import { tellDurable } from './tale-durable.ts';
import { tellFlow } from './tale-flow.ts';
import { answersTold, tellSignals } from './tale-signals.ts';

const leaseTtlMs = 2_000;

const freezeAt = 1_000;
const thawAt = 4_000;
const endsAt = 6_000;
const beatMs = 400;

interface Tried {
  readonly who: 'w1.1' | 'w2.1';
  readonly fence: number;
  readonly claimedAt: number;
  readonly doneAt: number;
  /** The end comes too late. */
  readonly stale?: boolean;
}

/** Writes a made-up ledger. */
export class Teller {
  readonly lines: Line[] = [];
  readonly runs: FinalRun[] = [];
  #ops = 0;

  tell(who: string, at: number, told: Told): void {
    this.lines.push({ ...told, who, at });
  }

  asked(
    who: string,
    at: number,
    ask: Extract<Told, { what: 'call' }>['ask'],
    answer: Extract<Told, { what: 'answer' }>['answer'],
    lastsMs = 2,
  ): void {
    this.#ops += 1;
    this.tell(who, at, { what: 'call', op: this.#ops, ask });
    this.tell(who, at + lastsMs, { what: 'answer', op: this.#ops, answer });
  }

  /** One run from its start to the last look at it. */
  run(id: string, at: number, input: Partial<WorkInput>, tries: readonly Tried[]): void {
    const full = {
      steps: 1,
      stepMs: 1,
      againSteps: 0,
      failures: 0,
      lane: null,
      tenant: 'free',
      salt: 0,
      ...input,
    };
    const seq = this.runs.length + 1;
    const ask = { verb: 'start', id, fn: 'quick', input: JSON.stringify(full) } as const;
    this.asked('s1', at, ask, { start: 'created' });
    const { lane, tenant } = full;
    for (const [index, tried] of tries.entries()) {
      this.#try(tried, { id, seq, fence: tried.fence, attempt: index + 1, lane, tenant });
    }
    const last = tries.at(-1);
    if (last === undefined) return;
    const { fence } = last;
    const result = resultOf(fence);
    const ended = { outcome: 'succeeded', note: null, result } as const;
    const seen = {
      seq,
      status: 'done',
      attempt: tries.length,
      fence,
      stop: false,
      ...ended,
    } as const;
    this.asked('s1', last.doneAt + 50, { verb: 'get', id }, { seen });
    this.asked('s2', last.doneAt + 60, { verb: 'result', id }, ended);
    this.runs.push({ id, fn: 'quick', seen });
  }

  #try({ who, fence, claimedAt, doneAt, stale }: Tried, claimed: ClaimedLine): void {
    const { id: run, seq } = claimed;
    const node = who === 'w1.1' ? 1 : 2;
    this.tell(who, claimedAt, { what: 'claimed', from: claimedAt - 2, node, runs: [claimed] });
    this.tell(who, claimedAt + 1, { what: 'begin', run, fence, aborted: false });
    this.tell(who, doneAt - 1, { what: 'step', run, fence, aborted: stale === true });
    this.tell(who, doneAt, { what: 'return', run, fence, aborted: stale === true });
    const result = resultOf(fence);
    const how = { how: 'succeeded', result, failure: null } as const;
    const ask = { verb: 'end', ends: [{ id: run, seq, fence, ...how }] } as const;
    const verdict = stale
      ? ({ ok: false, code: 'fence.stale', note: null } as const)
      : ({ ok: true, outcome: 'succeeded', repeated: false, note: null } as const);
    this.asked(who, doneAt + 1, ask, { verdicts: [verdict] });
  }
}

const resultOf = (fence: number): string => JSON.stringify({ fence });

/** Everything that is known of the made-up run. */
export function honestEvidence(): Evidence {
  const teller = new Teller();
  for (const [node, who] of [
    [1, 'w1.1'],
    [2, 'w2.1'],
  ] as const) {
    teller.tell(who, 1, { what: 'joined', from: 0, node, ttlMs: leaseTtlMs });
    for (let at = beatMs; at < endsAt; at += beatMs) {
      if (node === 1 && at >= freezeAt) break;
      teller.tell(who, at + 1, { what: 'beat', from: at, node, ttlMs: leaseTtlMs });
    }
  }
  teller.run('a', 10, {}, [{ who: 'w1.1', fence: 1, claimedAt: 20, doneAt: 40 }]);
  teller.run('b', 900, { lane: 'single-a' }, [
    { who: 'w1.1', fence: 1, claimedAt: 910, doneAt: thawAt + 20, stale: true },
    { who: 'w2.1', fence: 3, claimedAt: 3_010, doneAt: 3_100 },
  ]);
  teller.run('c', 950, { lane: 'single-a' }, [
    { who: 'w2.1', fence: 1, claimedAt: 3_200, doneAt: 3_250 },
  ]);
  for (const [index, id] of ['d', 'e', 'f'].entries()) {
    const claimedAt = index < 2 ? 420 : 500;
    const tried = { who: 'w1.1', fence: 1, claimedAt, doneAt: claimedAt + 30 } as const;
    teller.run(id, 400 + index, { tenant: 'tight' }, [tried]);
  }
  tellDurable(teller);
  tellSignals(teller);
  tellFlow(teller);
  const frozen = { what: 'fault', kind: 'freeze', target: 'w1.1' } as const;
  teller.tell('main', freezeAt, { ...frozen, on: true });
  teller.tell('main', thawAt, { ...frozen, on: false });
  const recover = { verb: 'recover', node: 1, kind: 'lease-over' } as const;
  teller.asked('w2.1', 3_000, recover, { recovered: true });
  const lines = teller.lines.toSorted((a, b) => a.at - b.at);
  const answers = answersTold;
  return { lines, runs: teller.runs, answers, slots: 3, resends: false, leftovers: [] };
}
