/**
 * Owns the guards of parts and of the HTTP API that the mutation gate takes out. The rules of
 * `mutants.ts` hold.
 */
import type { Mutant } from './mutants.ts';

const verbs = 'src/store/verbs/parts.ts';
const outlets = 'src/engine/parts.ts';

/** They stand in code that every embedded store, or the engine, executes. */
export const partMutants: readonly Mutant[] = [
  {
    name: 'parts: fence of a part',
    guards: 'G1: parts of a stale owner are refused',
    stage: 'contract',
    file: verbs,
    from: "if (!fenceHolds(fence, item.fence) || row.stage !== 'running') {",
    to: "if (row.stage !== 'running') {",
  },
  {
    name: 'parts: sent twice is kept once',
    guards: 'no reader gets a part twice',
    stage: 'contract',
    file: verbs,
    from: 'if (from + count <= sent) return',
    to: 'if (from + count < 0) return',
  },
  {
    name: 'parts: a gap',
    guards: 'no part is missing before another',
    stage: 'contract',
    file: verbs,
    from: "if (from !== sent) return { ok: false, code: 'parts.gap'",
    to: "if (from < 0) return { ok: false, code: 'parts.gap'",
  },
  {
    name: 'parts: what an earlier owner sent',
    guards: 'a new owner begins its own count',
    stage: 'contract',
    file: verbs,
    from: 'const sent = sums.fence === fence ? sums.sent : 0;',
    to: 'const sent = sums.sent;',
  },
  {
    name: 'parts: bound of a run',
    guards: 'G6: the parts of a run are bounded',
    stage: 'contract',
    file: verbs,
    from: 'sums.bytes + bytes <= limits.partsBytesMax',
    to: 'bytes <= limits.partsBytesMax',
  },
  {
    name: 'parts: nothing behind what was dropped',
    guards: 'a stream has no hole but its end',
    stage: 'contract',
    file: verbs,
    from: 'content !== null && sums.dropped === 0 &&',
    to: 'content !== null &&',
  },
  {
    name: 'parts: the end waits for them',
    guards: 'when a run has its outcome, all that it emitted is there',
    stage: 'engine',
    file: outlets,
    from: 'if (outlet.over !== null || !isBusy(outlet)) return null;',
    to: 'if (outlet.over !== null || outlet.waiting >= 0) return null;',
  },
  {
    name: 'parts: sent again as they were',
    guards: 'an answer that was lost costs no part and doubles none',
    stage: 'engine',
    file: outlets,
    from: 'outlet.sent ??= itemOf(outlet);',
    to: 'outlet.sent = itemOf(outlet) ?? outlet.sent;',
  },
  {
    name: 'parts: bound of what waits',
    guards: 'G6: memory of an attempt is bounded',
    stage: 'engine',
    file: outlets,
    from: 'if (held > 0 && held + bytes > limits.partsWaitingBytesMax) {',
    to: 'if (held < 0) {',
  },
];

const schema = 'src/store/postgres/schema/parts.ts';

/** They stand in SQL. */
export const postgresPartMutants: readonly Mutant[] = (
  [
    {
      name: 'postgres: fence of a part',
      guards: 'G1: parts of a stale owner are refused',
      from: 'on l.seq = x.seq and l.fence = x.fence and l.stage = 5',
      to: 'on l.seq = x.seq',
    },
    {
      name: 'postgres: a part that was sent twice',
      guards: 'no reader gets a part twice',
      from: 'if r.sent + r.count > v.sent then',
      to: 'if r.count > 0 then',
    },
    {
      name: 'postgres: a gap of parts',
      guards: 'no part is missing before another',
      from: 'if r.sent <> v.sent then',
      to: 'if r.sent < 0 then',
    },
    {
      name: 'postgres: parts of an earlier owner',
      guards: 'a new owner begins its own count',
      from: '      v.sent := 0;\n',
      to: '',
    },
    {
      name: 'postgres: bound of the parts of a run',
      guards: 'G6: the parts of a run are bounded',
      from: 'and v.bytes + r.bytes <=',
      to: 'and r.bytes <=',
    },
  ] as const
).map((one) => ({ ...one, file: schema, stage: 'postgres' }));

const guards: readonly Omit<Mutant, 'stage'>[] = [
  {
    name: 'http: runs of other tenants',
    guards: 'a key of one tenant sees nothing of another',
    file: 'src/http/isolation.ts',
    from: 'if (run === null || (caller.tenant !== null && run.tenant !== caller.tenant)) throw',
    to: 'if (run === null) throw',
  },
  {
    name: 'http: starts for other tenants',
    guards: 'a key of one tenant does nothing for another',
    file: 'src/http/isolation.ts',
    from: 'if (caller.tenant === null || asked === caller.tenant) return asked;',
    to: 'if (caller.tenant === null || asked !== undefined) return asked;',
  },
  {
    name: 'http: ids of other tenants',
    guards: 'an id that another tenant has taken is never met',
    file: 'src/http/isolation.ts',
    from: 'if (caller.tenant === null) return id;',
    to: 'if (caller.tenant !== id) return id;',
  },
  {
    name: 'http: scope of a key',
    guards: 'a key does what its scope allows',
    file: 'src/http/caller.ts',
    from: 'if (includesScope(caller.scope, asked)) return;',
    to: 'if (asked !== caller.tenant) return;',
  },
  {
    name: 'http: the secret of a key',
    guards: 'nobody is let in by the id of a key',
    file: 'src/runtime/keys.ts',
    from: 'const same = hash.length === given.length && timingSafeEqual(hash, given);',
    to: 'const same = hash.length === given.length || timingSafeEqual(hash, given);',
  },
  {
    name: 'http: the last key revoked',
    guards: 'to revoke the last key does not open the door',
    file: 'src/http/caller.ts',
    from: 'this.#closed ||= rows.length > 0;',
    to: 'this.#closed = rows.length > 0;',
  },
  {
    name: 'http: the name by which it is called',
    guards: 'a web page does not get in by another name of loopback',
    file: 'src/http/caller.ts',
    from: 'if (loopback && !isLoopback(name) && !hostNames.has(name)) {',
    to: 'if (loopback && name.length === 0) {',
  },
  {
    name: 'http: the origin of a page',
    guards: 'a page of another origin does nothing without a key',
    file: 'src/http/caller.ts',
    from: 'if (origin === undefined || corsOrigins.has(origin) || isOwn(origin, host)) return',
    to: 'if (origin !== host) return',
  },
  {
    name: 'http: the tenant of a cursor',
    guards: 'a cursor is of one list, as one tenant sees it',
    file: 'src/http/cursor.ts',
    from: 'digestOf([list, tenant, of])',
    to: 'digestOf([list, of])',
  },
  {
    name: 'http: the place in a cursor',
    guards: 'a cursor tells nobody how many runs there are',
    file: 'src/http/cursor.ts',
    from: 'const sealed = [cipher.update(place), cipher.final(), cipher.getAuthTag()];',
    to: 'const sealed = [place, cipher.final(), cipher.getAuthTag()];',
  },
  {
    name: 'http: the stream of a revoked key',
    guards: 'a key that was revoked reads on from no stream',
    file: 'src/http/stream-guard.ts',
    from: 'if (may) later();',
    to: 'if (may || !over) later();',
  },
  {
    name: 'http: a reader who takes no answer',
    guards: 'whoever does not read holds no memory for ever',
    file: 'src/http/server.ts',
    from: 'if (answering === undefined || (answering > 0 && socket.writableLength === 0)) return;',
    to: 'if (answering !== 0) return;',
  },
  {
    name: 'http: bytes of a body as they come',
    guards: 'G6: a body is bounded, whatever it says of itself',
    file: 'src/http/json-body.ts',
    from: 'if (bytes > bounds.bytesMax) reject(tooLarge(bounds.bytesMax));',
    to: 'if (bytes < 0) reject(tooLarge(bounds.bytesMax));',
  },
  {
    name: 'http: depth of a body',
    guards: 'G6: JSON nests no deeper than its bound',
    file: 'src/http/json-body.ts',
    from: 'if (depth > depthMax) {',
    to: 'if (depth < 0) {',
  },
  {
    name: 'http: time of a body',
    guards: 'G6: a slow sender is cut off',
    file: 'src/http/json-body.ts',
    from: 'const timer = bounds.clock.after(bounds.timeoutMs, () => {',
    to: 'const timer = bounds.clock.after(bounds.timeoutMs * 1e6, () => {',
  },
  {
    name: 'http: two values of a header that decides',
    guards: 'no proxy in front obeys another value',
    file: 'src/http/door.ts',
    from: 'if (seen.has(name)) {',
    to: "if (seen.has(name) && name === '') {",
  },
  {
    name: 'http: headers of a request',
    guards: 'G6: headers are bounded',
    file: 'src/http/door.ts',
    from: 'if (count > httpHeadersMax) {',
    to: 'if (count < 0) {',
  },
  {
    name: 'http: a reader who takes nothing',
    guards: 'a slow reader is dropped, alone',
    file: 'src/http/event-stream.ts',
    from: '        this.#terms.drop();\n',
    to: '',
  },
  {
    name: 'http: room for the next event',
    guards: 'G6: what waits for one reader is bounded',
    file: 'src/http/event-stream.ts',
    from: 'if (this.#open && (this.#controller?.desiredSize ?? 0) <= 0) await this.#untilRoom();',
    to: 'if (!this.#open) await this.#untilRoom();',
  },
  {
    name: 'http: where a stream goes on',
    guards: 'a reader who comes back gets no part twice',
    file: 'src/http/routes/parts.ts',
    from: 'return Number(header) + 1;',
    to: 'return Number(header);',
  },
];

/** Only the tests of the HTTP API execute what these stand in. */
export const httpMutants: readonly Mutant[] = guards.map((one) => ({ ...one, stage: 'http' }));
