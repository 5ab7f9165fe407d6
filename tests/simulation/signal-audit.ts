/**
 * Owns the judgement of signals: by what the store keeps after every commit, by what the code of
 * runs says, and by what senders are told.
 *
 * G1 A signal is given to one wait of its run, as it was sent, in order among those of its name.
 * G2 No wait goes on for a signal that was there before.
 * G3 What was accepted is there for as long as its run. When that has ended it is answered, or will
 *    never be, and no sender is told otherwise before or later.
 * G4 The answer is one that the code gave; what it was told is kept is kept.
 */
import type { SignalItem, SignalStand, SignalVerdict } from '../../src/ports/store-signals.ts';
import type { StepPage, StepRow } from '../../src/ports/store-steps.ts';
import type { SimWorld } from './sim-world.ts';

/** A signal that was accepted. */
interface Sent {
  readonly runId: string;
  readonly id: string;
  readonly name: string;
  readonly at: number;
}

/** A signal as it is given. */
interface GivenSignal {
  readonly n: number;
  readonly id: string;
  readonly name: string;
}

const keyOf = (runId: string, id: string): string => `${runId} ${id}`;

export class SignalAudit {
  readonly #world: SimWorld;
  /** The name of each that was ever asked to be sent. */
  readonly #asked = new Map<string, string>();
  readonly #sent = new Map<string, Sent>();
  /** What code was about to answer, and what it was told is kept. */
  readonly #tried = new Map<string, Set<string>>();
  readonly #kept = new Set<string>();
  /** What senders were told, once it was final. */
  readonly #told = new Map<string, string>();
  #epoch = 0;

  constructor(world: SimWorld) {
    this.#world = world;
  }

  /** Signals are about to be sent. */
  sending(items: readonly SignalItem[]): void {
    for (const { runId, id, name } of items) this.#asked.set(keyOf(runId, id), name);
  }

  /** Hears what became of them, right behind the commit. */
  signalled(items: readonly SignalItem[], verdicts: readonly SignalVerdict[]): void {
    for (const [at, { runId, id, name }] of items.entries()) {
      const verdict = verdicts[at];
      const row = this.#world.rowOf(runId);
      const done = row?.stage === 'done' && row.finishedAt !== this.#world.wallNow();
      if (verdict?.ok === false) {
        this.#world.marks.add(`signal refused: ${verdict.code}`);
        if (verdict.code !== 'run.already_done' || row === undefined) continue;
        if (row.stage !== 'done')
          this.#violation('G3', runId, id, 'is too late, and its run goes on');
      }
      if (verdict?.ok !== true || !verdict.created) continue;
      this.#world.marks.add('signal accepted');
      this.#sent.set(keyOf(runId, id), { runId, id, name, at: this.#world.clock.mono() });
      if (done) this.#violation('G3', runId, id, 'was accepted, and its run had ended');
    }
  }

  /** The code of a run is about to answer; to be called when it was told that this is kept. */
  answering(runId: string, id: string, answer: string): () => void {
    const key = keyOf(runId, id);
    const tried = this.#tried.get(key) ?? new Set();
    this.#tried.set(key, tried.add(answer));
    const epoch = this.#epoch;
    return () => {
      if (epoch !== this.#epoch) return;
      this.#world.marks.add('signal answered');
      this.#kept.add(key);
    };
  }

  /** A sender begins to wait; to be called with what it is told. */
  waiting(runId: string, id: string): (stand: SignalStand | null) => void {
    const epoch = this.#epoch;
    return (stand) => {
      if (epoch === this.#epoch && stand !== null) this.#tell(runId, id, stand);
    };
  }

  #tell(runId: string, id: string, stand: SignalStand): void {
    const row = this.#world.rowOf(runId);
    if (row === undefined) return;
    const text = JSON.stringify(stand);
    const before = this.#told.get(keyOf(runId, id));
    this.#told.set(keyOf(runId, id), text);
    this.#world.marks.add(`sender told: ${stand.state}`);
    if (before !== undefined && before !== text) {
      this.#violation('G3', runId, id, `is told as ${text}, and was as ${before}`);
    }
    if (stand.state === 'unanswered' && row.stage !== 'done') {
      this.#violation('G3', runId, id, `will not be answered, and its run is ${row.stage}`);
    }
  }

  /** Looks at the steps of a run, after a commit. */
  judge(runId: string, { steps }: Pick<StepPage, 'steps'>): void {
    const given = steps
      .filter(({ kind, end }) => kind === 'signal' && end?.how === 'returned')
      .sort((a, b) => (a.end?.nth ?? 0) - (b.end?.nth ?? 0))
      .map(givenBy);
    const last = new Map<string, GivenSignal>();
    const seen = new Set<string>();
    for (const one of given) {
      const { id, name, n } = one;
      if (seen.has(id)) this.#violation('G1', runId, id, 'is given to two waits');
      seen.add(id);
      const asked = this.#asked.get(keyOf(runId, id));
      if (asked !== name)
        this.#violation('G1', runId, id, `was given as ${name}: sent as ${asked}`);
      const before = last.get(name);
      if (before !== undefined && before.n > n) {
        this.#violation('G1', runId, id, `is given behind ${before.id}, which came later`);
      }
      last.set(name, one);
    }
    if (seen.size > 0) this.#world.marks.add('signal given');
    for (const step of steps) this.#waitsFor(runId, step, seen);
  }

  /** G2 */
  #waitsFor(runId: string, { kind, key, wait, end }: StepRow, seen: ReadonlySet<string>): void {
    if (kind !== 'signal' || end !== null || !wait?.event) return;
    const names = JSON.parse(wait.event.paths) as readonly string[];
    const now = this.#world.clock.mono();
    for (const one of this.#sent.values()) {
      const missed = one.runId === runId && one.at < now && names.includes(one.name);
      if (!missed || seen.has(one.id)) continue;
      this.#violation('G2', runId, one.id, `was accepted, and '${key}' waits for it`);
    }
  }

  /** The run was pruned. */
  forget(runId: string): void {
    for (const map of [this.#sent, this.#tried, this.#told, this.#asked]) {
      for (const key of map.keys()) if (key.startsWith(`${runId} `)) map.delete(key);
    }
    for (const key of this.#kept) if (key.startsWith(`${runId} `)) this.#kept.delete(key);
  }

  /** The store lost its last commits: whatever was accepted, kept or told may be gone. */
  rolledBack(): void {
    this.#epoch += 1;
    for (const one of [this.#sent, this.#kept, this.#told]) one.clear();
  }

  /** G3, G4, once nothing moves any more. */
  async judgeEnd(): Promise<void> {
    for (const [key, { runId, id }] of this.#sent) {
      if (this.#world.rowOf(runId) === undefined) continue;
      const [stand = null] = await this.#world.store.answers([{ runId, id }]);
      const state = stand?.state ?? 'gone';
      if (stand === null || stand.state === 'open') {
        this.#violation('G3', runId, id, `was accepted, its run has ended, and it is ${state}`);
        continue;
      }
      const told = this.#told.get(key);
      if (told !== undefined && told !== JSON.stringify(stand)) {
        this.#violation('G3', runId, id, `is ${JSON.stringify(stand)}; its sender heard ${told}`);
      }
      if (stand.state === 'answered') {
        if (this.#tried.get(key)?.has(stand.answer)) continue;
        this.#violation('G4', runId, id, `has the answer ${stand.answer}, which nobody gave`);
      } else if (this.#kept.has(key)) {
        this.#violation('G4', runId, id, 'has no answer, and its code was told that it is kept');
      }
    }
  }

  #violation(rule: string, runId: string, id: string, what: string): void {
    this.#world.violation(`${rule} signal ${id} to run ${runId} ${what}`);
  }
}

const givenBy = ({ end }: StepRow): GivenSignal => JSON.parse(end?.value ?? 'null') as GivenSignal;
