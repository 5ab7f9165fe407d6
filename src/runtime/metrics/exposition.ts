/**
 * Owns the text format of Prometheus, version 0.0.4.
 *
 * T1 Samples of one metric stand together behind its HELP and TYPE, metrics in the order of the
 *    catalogue.
 * T2 Durations are counted in ms and told in seconds.
 */
import { HoldfastError } from '../../core/errors.ts';
import type { Histogram } from '../../core/histogram.ts';
import { catalogue, type MetricFacts, type MetricName } from './catalogue.ts';

/** What the text is, for whoever serves it. */
export const expositionType = 'text/plain; version=0.0.4; charset=utf-8';

/** Samples that become one text. */
export class Exposition {
  readonly #lines = new Map<MetricName, string[]>();

  /** Adds a sample, with the values of its labels in the order of the catalogue. */
  add(name: MetricName, value: number, ...values: readonly string[]): void {
    this.#of(name, values).push(`${name}${braced(pairs(name, values))} ${numberText(value)}`);
  }

  /** Adds all samples of a histogram. */
  addTimes(name: MetricName, times: Histogram, ...values: readonly string[]): void {
    const lines = this.#of(name, values);
    const own = pairs(name, values);
    const counts = times.cumulative();
    const bounds = [...times.boundsMs.map((ms) => String(ms / 1_000)), '+Inf'];
    for (const [at, count] of counts.entries()) {
      lines.push(`${name}_bucket${braced([...own, `le="${bounds[at]}"`])} ${count}`);
    }
    lines.push(`${name}_sum${braced(own)} ${numberText(times.sumMs / 1_000)}`);
    lines.push(`${name}_count${braced(own)} ${counts.at(-1) ?? 0}`);
  }

  text(): string {
    const parts: string[] = [];
    for (const [name, { type, help }] of Object.entries<MetricFacts>(catalogue)) {
      const lines = this.#lines.get(name as MetricName);
      if (lines === undefined) continue;
      parts.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines);
    }
    return parts.length === 0 ? '' : `${parts.join('\n')}\n`;
  }

  #of(name: MetricName, values: readonly string[]): string[] {
    if (values.length !== catalogue[name].labels.length) {
      throw new HoldfastError('internal.defect', `${name} was given ${values.length} labels`);
    }
    const lines = this.#lines.get(name) ?? [];
    this.#lines.set(name, lines);
    return lines;
  }
}

const pairs = (name: MetricName, values: readonly string[]): readonly string[] =>
  catalogue[name].labels.map((label, at) => `${label}="${escaped(values[at] ?? '')}"`);

const braced = (all: readonly string[]): string => (all.length === 0 ? '' : `{${all.join(',')}}`);

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' };

const escaped = (value: string): string => value.replace(/[\\"\n]/g, (sign) => escapes[sign] ?? '');

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  if (Number.isNaN(value)) return 'NaN';
  return value > 0 ? '+Inf' : '-Inf';
}
