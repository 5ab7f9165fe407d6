/**
 * Owns what a server counts of its requests.
 *
 * M1 A request is counted by its route, not by its path, and by a method that is known: nobody
 *    outside makes new series by asking for something.
 * M2 What is refused before it has a route is counted, too, under the route `none`.
 */
import { Histogram } from '../core/histogram.ts';
import { Exposition } from '../runtime/metrics/exposition.ts';

const methodsKnown = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const noRoute = 'none';

/** What a request came to. */
export interface Answered {
  /** As it is described, such as `/api/v1/runs/{id}`; null: nothing is served there. */
  readonly route: string | null;
  readonly method: string | undefined;
  readonly status: number;
  /** Null: nobody measured it. */
  readonly ms: number | null;
}

/** Requests and streams under way. */
export interface Load {
  readonly requests: number;
  readonly streams: number;
}

interface Series {
  readonly labels: readonly [route: string, method: string, status: string];
  times: number;
}

/** The counts of one server. */
export class Metering {
  readonly #series = new Map<string, Series>();
  readonly #times = new Map<string, Histogram>();
  #defects = 0;

  constructor(routes: readonly { readonly path: string }[]) {
    for (const { path } of routes) this.#times.set(path, new Histogram());
    this.#times.set(noRoute, new Histogram());
  }

  /** M1 */
  count({ route, method = '', status, ms }: Answered): void {
    const path = route !== null && this.#times.has(route) ? route : noRoute;
    if (ms !== null) this.#times.get(path)?.observe(ms);
    const verb = methodsKnown.has(method) ? method : 'other';
    const key = `${verb} ${status} ${path}`;
    const series = this.#series.get(key) ?? { labels: [path, verb, String(status)], times: 0 };
    series.times += 1;
    this.#series.set(key, series);
    if (status === 500) this.#defects += 1;
  }

  /** The text, to stand behind that of the runtime. */
  text({ requests, streams }: Load): string {
    const page = new Exposition();
    for (const { labels, times } of this.#series.values()) {
      page.add('holdfast_http_requests_total', times, ...labels);
    }
    for (const [route, times] of this.#times) {
      page.addTimes('holdfast_http_request_duration_seconds', times, route);
    }
    page.add('holdfast_http_defects_total', this.#defects);
    page.add('holdfast_http_requests_open', requests);
    page.add('holdfast_http_streams_open', streams);
    return page.text();
  }
}
