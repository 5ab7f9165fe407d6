/** The parser: however bytes are cut, they mean the same; whatever they are, it goes on. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FrameParser } from '../../src/stdio/frame-parser.ts';
import { isSafeUid } from '../../src/stdio/header-line.ts';
import { corpus, judged, pieceOf, readIn } from './fuzz.ts';

const line = fc.oneof(
  fc.constantFrom(
    ...['FUNCTION u1 10 "echo a b" "0x8" "s"', 'FUNCTION u2 10 "echo"', 'QUIT', ''],
    ...['FUNCTION_PAYLOAD u3 10 "echo" "0x8" "s" "text/plain"', 'FUNCTION_PAYLOAD_END'],
    ...['FUNCTION_CANCEL u3', 'FUNCTION_CANCEL', 'FUNCTION_PROGRESS u1', 'FUNCTION_PAYLOAD x'],
    ...['  FUNCTION_PAYLOAD_END', 'FUNCTION_PAYLOAD_END ', 'FUNCTION u1 -1 "echo" "0x8" "s"'],
  ),
  fc.string({ maxLength: 40 }),
  fc.integer({ min: 15_480, max: 15_500 }).map((size) => `FUNCTION big 1 "${'x'.repeat(size)}"`),
);
const lines = fc.array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r', '')), { maxLength: 25 });
const text = fc.oneof(
  lines.map((all) => Buffer.from(all.map(([one, end]) => one + end).join(''))),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
);

describe('the parser', () => {
  it('gives the same events however the bytes are cut (P1)', () => {
    fc.assert(
      fc.property(text, fc.boolean(), fc.array(fc.nat(80)), (bytes, compat, cuts) => {
        const whole = readIn([bytes], compat);
        assert.deepEqual(readIn(pieceOf(bytes, cuts), compat), whole);
        assert.deepEqual(
          readIn(
            [...bytes].map((byte) => Uint8Array.of(byte)),
            compat,
          ),
          whole,
        );
      }),
      { numRuns: 200 },
    );
  });

  it('tells of no uid that could break a line', () => {
    fc.assert(
      fc.property(text, fc.boolean(), (bytes, compat) => {
        for (const event of readIn([bytes], compat)) {
          if ('uid' in event && event.uid !== null) assert.ok(isSafeUid(event.uid));
          if (event.is === 'call') assert.ok(isSafeUid(event.call.uid));
        }
      }),
    );
  });

  it('reads a call behind whatever came before, in a line of its own', () => {
    fc.assert(
      fc.property(text, fc.boolean(), (bytes, compat) => {
        const parser = new FrameParser({ compat });
        parser.push(bytes);
        if (parser.ended) return;
        parser.push(Buffer.from('\nFUNCTION_PAYLOAD_END\n'));
        const last = parser.push(Buffer.from('FUNCTION last 1 "echo" "0x8" "s"\n')).at(-1);
        assert.ok(parser.ended || (last?.is === 'call' && last.call.uid === 'last'));
      }),
    );
  });
});

describe('the corpus', () => {
  for (const { name, bytes } of corpus()) {
    it(`${name} means nothing unsafe, and the same byte by byte`, () => {
      assert.deepEqual(judged(bytes).faults, []);
      for (const compat of [false, true]) {
        const whole = readIn([bytes], compat);
        assert.deepEqual(
          readIn(
            [...bytes].map((byte) => Uint8Array.of(byte)),
            compat,
          ),
          whole,
        );
      }
    });
  }

  it('is there', () => assert.ok(corpus().length >= 10));
});
