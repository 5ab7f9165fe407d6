/**
 * Reads the text format of Prometheus by a parser that is not ours. That one leaves the labels of
 * histograms out, so that samples are read from the same text once more, as of no type.
 */
import { createRequire } from 'node:module';

type Labels = Readonly<Record<string, string>>;

interface Sample {
  readonly labels?: Labels;
  readonly value?: string;
}

/** One metric, or the lines of one name, as they were read. */
interface Read {
  readonly name: string;
  readonly help: string;
  readonly type: 'COUNTER' | 'GAUGE' | 'HISTOGRAM' | 'UNTYPED';
  readonly metrics: readonly Sample[];
}

const require = createRequire(import.meta.url);
const parse = require('parse-prometheus-text-format') as (text: string) => readonly Read[];

const byNameOf = (text: string): ReadonlyMap<string, Read> => {
  const all = parse(text);
  const map = new Map(all.map((one) => [one.name, one]));
  if (map.size !== all.length) throw new Error('the lines of one name do not stand together');
  return map;
};

/** All metrics of a text. */
export class Metrics {
  /** By the name of the metric, with its type. */
  readonly byName: ReadonlyMap<string, Read>;
  readonly #lines: ReadonlyMap<string, readonly Sample[]>;

  constructor(text: string) {
    this.byName = byNameOf(text);
    const lines = new Map<string, Sample[]>();
    for (const line of text.split('\n')) {
      if (line === '' || line.startsWith('#')) continue;
      for (const { name, metrics } of parse(`${line}\n`)) {
        lines.set(name, [...(lines.get(name) ?? []), ...metrics]);
      }
    }
    this.#lines = lines;
  }

  /** Every sample under this name of a line. */
  samples(name: string): readonly Sample[] {
    return this.#lines.get(name) ?? [];
  }

  /** The value of the one sample with these labels, or null. */
  value(name: string, labels: Labels = {}): number | null {
    const wanted = Object.entries(labels);
    const found = this.samples(name).find((one) =>
      wanted.every(([label, value]) => one.labels?.[label] === value),
    );
    return found === undefined ? null : Number(found.value);
  }

  /** How many a histogram has counted. */
  count(name: string, labels: Labels): number | null {
    return this.value(`${name}_count`, labels);
  }

  /** How many of them up to a bound. */
  upTo(name: string, le: string, labels: Labels): number | null {
    return this.value(`${name}_bucket`, { ...labels, le });
  }
}
