/**
 * Owns the making of requests that nobody should send: valid ones, and what chance does to them.
 * The n-th request of a seed is always the same.
 */
import { type SeededRandom, seededRandom } from '../../src/testing/seeded-random.ts';

/** One connection's worth. */
export interface FuzzRequest {
  readonly bytes: Buffer;
  /** How many pieces it is sent in. */
  readonly pieces: number;
  /** Leaves after sending, without a look at the answer. */
  readonly leaves: boolean;
}

const methods = ['GET', 'POST', 'PUT', 'HEAD', 'OPTIONS', 'DELETE', 'PATCH'];
const oddMethods = ['TRACE', 'CONNECT', 'get', 'PROPFIND', 'G\u0000T', ''];
const reads = [
  ...['/livez', '/readyz', '/api/v1/openapi.json', '/api/v1/caller', '/api/v1/counts'],
  ...['/api/v1/functions', '/api/v1/runs', '/api/v1/runs/ID', '/api/v1/runs/ID/result'],
  ...['/api/v1/runs/ID/explain', '/api/v1/runs/ID/logs', '/api/v1/runs/ID/logs/stream'],
  ...['/api/v1/runs/ID/parts', '/api/v1/runs/ID/parts/stream', '/api/v1/runs/ID/parts?from=ID'],
  ...['/api/v1/lanes', '/api/v1/tenants', '/api/v1/nodes', '/api/v1/operations'],
  ...['/api/v1/operations/ID', '/api/v1/nothing/ID', '/metrics', '/api/v1/calls'],
  ...['/api/v1/dead-letters', '/api/v1/runs/ID/steps', '/api/v1/runs/ID/children'],
  ...['/api/v1/runs/ID/state', '/api/v1/runs/ID/signals/ID/answer'],
];
const writes = [
  ...['/api/v1/functions/greet/runs', '/api/v1/functions/fail/runs', '/api/v1/functions/ID/runs'],
  ...['/api/v1/functions/talk/runs', '/api/v1/functions/greet/runs/many', '/api/v1/operations'],
  ...['/api/v1/functions/ID/pause', '/api/v1/functions/ID/resume', '/api/v1/lanes/ID/pause'],
  ...['/api/v1/lanes/ID/resume', '/api/v1/runs/ID/cancel', '/api/v1/runs/ID/retry'],
  ...['/api/v1/tenants/ID', '/api/v1/functions/greet/call', '/api/v1/events'],
  ...['/api/v1/runs/ID/fork', '/api/v1/runs/ID/repin', '/api/v1/runs/ID/signals/book'],
  ...['/api/v1/dead-letters/ID/redrive', '/api/v1/dead-letters/ID/discard'],
  ...['/api/v1/approvals/ID', '/api/v1/functions/desk/runs', '/api/v1/functions/ship/runs'],
];
/** Bodies that routes take, for a way past the first check. */
const goodBodies = [
  ...['{"input":"a","id":"a"}', '{"input":3,"id":"b","tags":["t"]}', '{"reason":"x"}'],
  ...['{"input":"a","delayMs":1e9,"lane":"l"}', '{"items":[{"input":"a"},{"input":1}]}'],
  ...['{"action":"cancel","filter":{"tag":"none"},"reason":"x"}', '{"weight":2}'],
  ...['{"action":"retry","filter":{"fn":"none"}}', '{"input":"a","id":"run","deadlineMs":9}'],
  ...['{"action":"redrive","filter":{"fn":"none"}}', '{"name":"e","data":{"a":1},"id":"a"}'],
  ...['{"state":"approved","by":"a","data":1}', '{"data":{"a":1},"id":"a"}', '{"version":null}'],
  ...['{"from":"step/a","id":"b","version":"2"}', '{"input":"a","timeoutMs":5}'],
];
const ids = [
  'a',
  'a',
  'b',
  'b',
  'run',
  'greet',
  'fail',
  'none',
  '%00',
  '%2F',
  '..',
  '%',
  '%zz',
  '%ff',
  'é',
  '__proto__',
  ' ',
];
const names = [
  ...['limit', 'cursor', 'status', 'outcome', 'fn', 'lane', 'tenant', 'tag', 'acceptedAfter'],
  ...['waitMs', 'after', 'from', 'attempt', 'level', 'x', '__proto__', 'constructor', ''],
];
const values = [
  '1',
  '0',
  '-1',
  '1e9',
  'done',
  'warn',
  'NaN',
  '%00',
  'x'.repeat(300),
  '',
  '[]',
  '9'.repeat(30),
];
const fields = [
  ...['input', 'id', 'tenant', 'priority', 'lane', 'delayMs', 'dueAt', 'tags', 'deadlineMs'],
  ...['reason', 'action', 'filter', 'items', 'weight', 'runningMax', '__proto__', 'toString'],
];

/** The n-th request of a seed. */
export function requestOf(seed: number, n: number): FuzzRequest {
  const random = seededRandom(seed * 1_000_003 + n);
  const bytes = mutated(random, Buffer.from(requestText(random), 'latin1'));
  return { bytes, pieces: random.chance(0.2) ? 3 : 1, leaves: random.chance(0.05) };
}

function requestText(random: SeededRandom): string {
  const writing = random.chance(0.6);
  const target = targetText(random, random.pick(writing ? writes : reads));
  const proper = target.includes('/tenants/') ? 'PUT' : writing ? 'POST' : 'GET';
  const other = random.chance(0.3) ? random.pick(oddMethods) : random.pick(methods);
  const method = random.chance(0.85) ? proper : other;
  const body = random.chance(writing ? 0.9 : 0.05) ? bodyText(random) : '';
  const version = random.chance(0.02) ? random.pick(['HTTP/1.0', 'HTTP/2.0', 'HTP']) : 'HTTP/1.1';
  const head = [`${method} ${target} ${version}`, ...headerLines(random, body)];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

function targetText(random: SeededRandom, path: string): string {
  if (random.chance(0.03))
    return random.pick(['*', '//', 'http://x/', '/'.repeat(9_000), '/\u00ff']);
  const named = path.replaceAll('ID', () => random.pick(ids));
  const pairs = Array.from({ length: random.chance(0.25) ? random.int(4) : 0 }, () => {
    return `${random.pick(names)}=${random.pick(values)}`;
  });
  return pairs.length === 0 ? named : `${named}?${pairs.join('&')}`;
}

function headerLines(random: SeededRandom, body: string): readonly string[] {
  const lines = [
    random.chance(0.97) ? 'Host: localhost' : random.pick(['Host: evil', 'Host:', 'X: 1']),
  ];
  lines.push(random.chance(0.9) ? 'Connection: close' : 'Connection: keep-alive');
  if (body !== '') {
    const type = random.chance(0.9) ? 'application/json' : random.pick(['text/plain', '', 'a;b;c']);
    lines.push(`Content-Type: ${type}`);
    const told = random.chance(0.95) ? body.length : random.int(100_000_000);
    if (random.chance(0.97)) lines.push(`Content-Length: ${told}`);
    else lines.push('Transfer-Encoding: chunked');
  }
  const more = [
    ...[`Idempotency-Key: ${random.pick(ids)}`, `Last-Event-ID: ${random.pick(values)}`],
    ...[`Origin: ${random.pick(ids)}`, 'Expect: 100-continue'],
    ...['Expect: the worst', `X-Long: ${'y'.repeat(random.int(20_000))}`, 'Upgrade: websocket'],
    ...[
      'Content-Encoding: gzip',
      'Host: localhost',
      'Content-Length: 5',
      'Cookie: a=b',
      'Authorization: Bearer hf_x',
    ],
  ];
  while (random.chance(0.2)) lines.push(random.pick(more));
  if (random.chance(0.01)) for (let n = 0; n < 150; n += 1) lines.push(`X-${n}: 1`);
  return lines;
}

function bodyText(random: SeededRandom): string {
  if (random.chance(0.03)) return '['.repeat(random.int(20_000));
  if (random.chance(0.03)) return `{"input":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_001)}`;
  if (random.chance(0.05))
    return random.pick(['null', '1', '"', '[]', '{}', '\u00ff\u00fe', 'true']);
  if (random.chance(0.5)) return random.pick(goodBodies);
  return JSON.stringify(valueAt(random, 0));
}

function valueAt(random: SeededRandom, depth: number): unknown {
  const plain = [
    ...['a', '', 'x'.repeat(250), '\u0000', '\ud800', null, true, 0, -1, 1.5, 1e308, 2 ** 53],
  ];
  if (depth > 3 || (depth > 0 && random.chance(0.6))) return random.pick(plain);
  const count = random.int(4);
  if (depth > 0 && random.chance(0.4)) {
    return Array.from({ length: count }, () => valueAt(random, depth + 1));
  }
  const entries = Array.from({ length: count }, () => [
    random.pick(fields),
    valueAt(random, depth + 1),
  ]);
  return Object.fromEntries(entries);
}

/** What lines do to bytes. Most requests stay whole. */
function mutated(random: SeededRandom, bytes: Buffer): Buffer {
  let made = bytes;
  while (random.chance(0.15) && made.length > 0) {
    const at = random.int(made.length);
    const until = Math.min(made.length, at + random.between(1, 30));
    const cut = made.subarray(at, until);
    const noise = Buffer.from(Array.from({ length: random.between(1, 8) }, () => random.int(256)));
    const [before, after] = [made.subarray(0, at), made.subarray(until)];
    made = random.pick([
      () => Buffer.concat([before, noise, after]),
      () => Buffer.concat([before, cut, cut, after]),
      () => Buffer.concat([before, after]),
      () => before,
    ])();
  }
  return made;
}
