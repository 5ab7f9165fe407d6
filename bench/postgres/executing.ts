/**
 * Owns a seat's half that executes jobs, and what is remembered of each: that it ran, when, and how
 * long after its start.
 */
import type { Answer, Ask } from '../case.ts';
import { hostMs, pause } from '../cases/waits.ts';
import { percentile } from '../spread.ts';
import type { Contestant, Job, Place, Style, Worker } from './contestant.ts';

/** Between two words about how far it is. */
const TELL_MS = 5;

/** What is told or kept of jobs: how many, how long each waited, or when each began and ended. */
export type Telling = 'counts' | 'samples' | 'lives';

/** What a tenant's jobs met: when they began, and how long after their start. */
interface Samples {
  readonly beganMs: number[];
  readonly afterMs: number[];
}

export class Executing {
  readonly #contestant: Contestant;
  readonly #tell: (event: Answer) => void;
  #worker: Worker | null = null;
  #teller: NodeJS.Timeout | undefined;
  #begun = 0;
  #firstMs: number | null = null;
  /** How often each number ran. */
  #times = new Map<number, number>();
  #samples = new Map<string, Samples>();

  constructor(contestant: Contestant, tell: (event: Answer) => void) {
    this.#contestant = contestant;
    this.#tell = tell;
  }

  /** Null when the question is not for this half. */
  async ask(ask: Ask): Promise<Answer | null> {
    switch (ask.do) {
      case 'work':
        await this.#work(ask);
        return {};
      case 'executed':
        return { begun: this.#begun, numbers: packed(this.#times) };
      case 'samples':
        return { ms: this.#samplesOf(String(ask.tenant), Number(ask.fromMs)) };
      case 'spans':
        return { spans: this.#spans(String(ask.tenant), Number(ask.fromMs), Number(ask.spanMs)) };
      case 'worked':
        await this.close();
        return {};
      default:
        return null;
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#teller);
    await this.#worker?.close();
    this.#worker = null;
  }

  async #work(ask: Ask): Promise<void> {
    this.#begun = 0;
    this.#firstMs = null;
    this.#times = new Map();
    this.#samples = new Map();
    const holdMs = Number(ask.holdMs ?? 0);
    const telling = ask.telling as Telling;
    if (telling === 'counts') this.#tellCounts();
    this.#worker = await this.#contestant.work(ask.place as Place, {
      ...{ slots: Number(ask.slots), steps: Number(ask.steps ?? 0) },
      ...{ style: ask.style as Style, far: ask.far === true },
      handle: (job) => this.#handle(job, holdMs, telling),
    });
  }

  async #handle(job: Job, holdMs: number, telling: Telling): Promise<unknown> {
    const { n, atMs, tenant } = job;
    const beganMs = hostMs();
    this.#firstMs ??= beganMs;
    this.#begun += 1;
    this.#times.set(n, (this.#times.get(n) ?? 0) + 1);
    if (telling === 'samples') this.#sample(tenant, beganMs, beganMs - atMs);
    if (telling === 'lives') this.#tell({ n, beganMs, afterMs: beganMs - atMs });
    if (holdMs > 0) await pause(holdMs);
    if (telling === 'lives') this.#tell({ n, endedMs: hostMs() });
    return { n };
  }

  #tellCounts(): void {
    let told = '';
    this.#teller = setInterval(() => {
      const settled = this.#worker?.settled() ?? null;
      const counts = { begun: this.#begun, settled, firstMs: this.#firstMs };
      const text = JSON.stringify(counts);
      if (text !== told) this.#tell(counts);
      told = text;
    }, TELL_MS);
  }

  #sample(tenant: string, beganMs: number, afterMs: number): void {
    const samples = this.#samples.get(tenant) ?? { beganMs: [], afterMs: [] };
    this.#samples.set(tenant, samples);
    samples.beganMs.push(beganMs);
    samples.afterMs.push(afterMs);
  }

  #samplesOf(tenant: string, fromMs: number): readonly number[] {
    const { beganMs = [], afterMs = [] } = this.#samples.get(tenant) ?? {};
    return afterMs.filter((_, index) => (beganMs[index] ?? 0) >= fromMs);
  }

  /** Rate and waits, span after span. */
  #spans(tenant: string, fromMs: number, spanMs: number): readonly Answer[] {
    const { beganMs = [], afterMs = [] } = this.#samples.get(tenant) ?? {};
    const spans: number[][] = [];
    for (const [index, began] of beganMs.entries()) {
      const span = Math.floor((began - fromMs) / spanMs);
      if (span < 0) continue;
      spans[span] ??= [];
      spans[span]?.push(afterMs[index] ?? 0);
    }
    return Array.from(spans, (waits = []) => ({
      perSecond: (waits.length / spanMs) * 1e3,
      ...{ p50: at(waits, 0.5), p99: at(waits, 0.99) },
    }));
  }
}

const at = (waits: readonly number[], p: number): number =>
  waits.length === 0 ? 0 : percentile(waits, p);

/** Numbers that ran once as ranges, and those that ran more often one by one. */
function packed(times: ReadonlyMap<number, number>): Answer {
  const ranges: number[] = [];
  const repeated: number[] = [];
  let end = Number.NaN;
  for (const n of [...times.keys()].sort((a, b) => a - b)) {
    if ((times.get(n) ?? 0) > 1) repeated.push(n);
    if (n === end) ranges[ranges.length - 1] = end + 1;
    else ranges.push(n, n + 1);
    end = n + 1;
  }
  return { ranges, repeated };
}
