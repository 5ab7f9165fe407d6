/** Scenarios 1 to 22: what the bytes on standard input mean. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { limits } from '../../src/core/limits.ts';
import { FrameParser, type WireCall, type WireEvent } from '../../src/stdio/frame-parser.ts';
import { type Watched, watchedFunctions } from './functions.ts';
import { called, StdioScene, withBody } from './scene.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** All events of a text, in one piece. */
function read(text: string | Uint8Array, compat = false): readonly WireEvent[] {
  const parser = new FrameParser({ compat });
  return [...parser.push(typeof text === 'string' ? bytes(text) : text), ...parser.end()];
}

const callsIn = (events: readonly WireEvent[]): readonly WireCall[] =>
  events.flatMap((event) => (event.is === 'call' ? [event.call] : []));

const bodyOf = (call: WireCall | undefined): string | null =>
  call?.body == null ? null : new TextDecoder().decode(call.body);

const open = (uid: string): string =>
  `FUNCTION_PAYLOAD ${uid} 1 "fn1" "0xffff" "method=api" "text/plain"\n`;
const end = 'FUNCTION_PAYLOAD_END\n';

describe('the parser', () => {
  it('1. reads a call with all its fields', () => {
    const [call] = callsIn(read('FUNCTION UID 1 "fn1 a1 a2" 0xFFFF "method=api,role=test"\n'));
    assert.deepEqual(call, {
      ...{ uid: 'UID', timeoutSeconds: 1, name: 'fn1', args: ['a1', 'a2'], access: 0xffff },
      ...{ source: 'method=api,role=test', contentType: null, words: 6, body: null },
    });
  });

  it('2. joins the lines of a body, without the last line end', () => {
    const [call] = callsIn(read(withBody('u', 'fn1', '{\n"a": 1}')));
    assert.equal(bodyOf(call), '{\n"a": 1}');
    assert.equal(call?.contentType, 'application/json');
  });

  it('3. does not mix two bodies', () => {
    const text = `${withBody('u1', 'fn1', 'one')}\n${withBody('u2', 'fn1', 'two')}`;
    assert.deepEqual(callsIn(read(text)).map(bodyOf), ['one', 'two']);
  });

  for (const slots of [1, 4]) {
    it(`4. gives each of four calls its own fields, with ${slots} at once`, async () => {
      const { functions } = watchedFunctions();
      const scene = await StdioScene.open({ functions, calls: { slots } });
      const plain = (uid: string): string => called(uid, `echo ${uid}`);
      await scene.send(
        `${withBody('a', 'echo', '"A"')}${plain('b')}${plain('c')}${withBody('d', 'echo', '"D"')}`,
      );
      const told = scene.results.map(({ uid, status, body }) => `${uid} ${status} ${body}`);
      assert.deepEqual(told, ['a 200 "A"', 'b 200 ["b"]', 'c 200 ["c"]', 'd 200 "D"']);
      await scene.close();
    });
  }

  it('5. reads a cancel', () => {
    const events = read('FUNCTION_CANCEL tx1\n');
    assert.deepEqual(events, [{ is: 'cancel', uid: 'tx1', early: false }]);
  });

  it('6. takes a cancel of no or two uids for nothing, and goes on', () => {
    const events = read(`FUNCTION_CANCEL\nFUNCTION_CANCEL a b\n${called('u', 'fn1')}`);
    assert.deepEqual(
      events.map(({ is }) => is),
      ['odd', 'odd', 'call'],
    );
  });

  it('7. reads progress of one and of three fields', () => {
    const events = read('FUNCTION_PROGRESS tx1 10 100\nFUNCTION_PROGRESS tx2\n');
    assert.deepEqual(events, [
      { is: 'progress', uid: 'tx1' },
      { is: 'progress', uid: 'tx2' },
    ]);
  });

  it('8. hears a cancel of another call within a body, in compatible mode', () => {
    const events = read(`${open('tx1')}one\nFUNCTION_CANCEL other\ntwo\n${end}`, true);
    assert.deepEqual(events[0], { is: 'cancel', uid: 'other', early: false });
    assert.equal(bodyOf(callsIn(events)[0]), 'one\ntwo');
  });

  it('9. ends a body by the cancel of its own call, in compatible mode', () => {
    const events = read(`${open('tx1')}one\nFUNCTION_CANCEL tx1\n${called('tx2', 'fn1')}`, true);
    assert.deepEqual(events[0], { is: 'cancel', uid: 'tx1', early: true });
    assert.deepEqual(
      callsIn(events).map(({ uid }) => uid),
      ['tx2'],
    );
  });

  it('10. keeps a malformed cancel as a part of the body', () => {
    const events = read(`${open('tx1')}FUNCTION_CANCEL\nFUNCTION_CANCEL a b\n${end}`, true);
    assert.equal(bodyOf(callsIn(events)[0]), 'FUNCTION_CANCEL\nFUNCTION_CANCEL a b');
  });

  it('11. takes progress out of a body, in compatible mode', () => {
    const events = read(`${open('tx1')}one\nFUNCTION_PROGRESS tx9\ntwo\n${end}`, true);
    assert.deepEqual(events[0], { is: 'progress', uid: 'tx9' });
    assert.equal(bodyOf(callsIn(events)[0]), 'one\ntwo');
  });

  it('12. leaves a line in the body that only begins like a command', () => {
    for (const compat of [false, true]) {
      const [call] = callsIn(read(`${open('tx1')}FUNCTIONALITY=true\n${end}`, compat));
      assert.equal(bodyOf(call), 'FUNCTIONALITY=true');
    }
  });

  it('13. ends a body by the header of another call, and refuses the one that was cut', () => {
    for (const compat of [false, true]) {
      const events = read(`${open('tx1')}one\n${called('tx2', 'fn1')}`, compat);
      const [refused, second] = events;
      assert.ok(refused?.is === 'refused' && refused.uid === 'tx1');
      assert.equal(refused.code, 'call.malformed');
      assert.ok(second?.is === 'call' && second.call.uid === 'tx2');
      assert.equal(second.call.body, null);
    }
  });

  it('14. keeps an unknown command as a part of the body', () => {
    for (const compat of [false, true]) {
      const [call] = callsIn(read(`${open('tx1')}FUNCTION_UNKNOWN x\n${end}`, compat));
      assert.equal(bodyOf(call), 'FUNCTION_UNKNOWN x');
    }
  });

  it('15. drops a body for QUIT, in compatible mode', () => {
    const events = read(`${open('tx1')}one\nQUIT\n${end}${called('tx2', 'fn1')}`, true);
    assert.deepEqual(
      events.map(({ is }) => is),
      ['refused', 'quit'],
    );
  });

  it('16. keeps the bytes of a body as they are', () => {
    const body = '  a: 1\r\n\r\n\tb  ';
    for (const last of ['\n', '\r\n']) {
      const [call] = callsIn(read(`${open('u')}${body}${last}FUNCTION_PAYLOAD_END\r\n`));
      assert.equal(bodyOf(call), body);
    }
    const odd = Uint8Array.of(...bytes(open('u')), 0xff, 0x00, 0x0d, 0x0a, ...bytes(end));
    assert.deepEqual(callsIn(read(odd))[0]?.body, Uint8Array.of(0xff, 0x00));
  });

  it('17. takes QUIT without a line end for a QUIT', () => {
    assert.deepEqual(read('QUIT'), [{ is: 'quit' }]);
    assert.deepEqual(read(`${open('u')}one\nQUIT`).at(-1), { is: 'quit' });
  });

  it('18. takes the four words of an old agent', () => {
    const [call] = callsIn(read('FUNCTION 0b-1c 10 "fn1 a"\n'));
    assert.ok(call);
    assert.deepEqual([call.access, call.source, call.words], [0, '', 4]);
  });
});

describe('words', () => {
  it('stand between spaces or in quotes; a quote within quotes is written twice', () => {
    const args = (line: string) => callsIn(read(`${line}\n`))[0]?.args;
    assert.deepEqual(args('FUNCTION u 10 "f ""a"" b" "" "s"'), ['"a"', 'b']);
    assert.deepEqual(args('FUNCTION   u  10  "f   \'a  b\'" 0x8 s'), ["'a", "b'"]);
    for (const broken of ['FUNCTION u 10 "f', 'FUNCTION u 10 "f"x', 'FUNCTION u 10 f"x"']) {
      assert.equal(read(`${broken}\n`)[0]?.is, 'refused', broken);
    }
  });
});

describe('the session', () => {
  let watched: Watched;
  let scene: StdioScene;
  beforeEach(async () => {
    watched = watchedFunctions();
    scene = await StdioScene.open({ functions: watched.functions });
  });
  afterEach(() => scene.close());

  it('19. refuses a timeout that is none, and keeps others within a bound', async () => {
    for (const [n, timeout] of ['nope', '-1', '9223372036854775808'].entries()) {
      await scene.send(`FUNCTION bad${n} ${timeout} "echo"\n`, called(`good${n}`, 'echo'));
      assert.equal(scene.status(`bad${n}`), 400);
      assert.equal(scene.status(`good${n}`), 200);
    }
    const seconds = (text: string) => callsIn(read(`FUNCTION u ${text} "f"\n`))[0]?.timeoutSeconds;
    assert.deepEqual([0, 121, 60_000, 1, 120].map(String).map(seconds), [120, 120, 120, 1, 120]);
  });

  it('20. takes a line of 15,487 bytes, and refuses one more', async () => {
    const line = (uid: string, size: number): string => {
      const empty = `FUNCTION ${uid} 10 "echo " "0x0" "s"`;
      return `FUNCTION ${uid} 10 "echo ${'x'.repeat(size - empty.length)}" "0x0" "s"\n`;
    };
    for (const [uid, size, status] of [
      ['fits', 15_487, 200],
      ['over', 15_488, 400],
      ['far', 70_000, 400],
    ] as const) {
      await scene.send(line(uid, size), called(`next-${uid}`, 'echo'));
      assert.equal(scene.status(uid), status);
      assert.equal(scene.status(`next-${uid}`), 200);
    }
    await scene.send(line('crlf', 15_487).replace('\n', '\r\n'));
    assert.equal(scene.status('crlf'), 200);
  });

  it('20. obeys nothing in the body behind a line that is too long, or wrong', async () => {
    await scene.send(called('tx1', 'hold'));
    const body = 'QUIT\nFUNCTION_CANCEL tx1\nFUNCTION forged 10 "echo"\nFUNCTION_PAYLOAD_END\n';
    for (const [uid, seconds, size] of [
      ['over', '10', 15_488],
      ['far', '10', 70_000],
      ['wrong', 'nope', 1],
    ] as const) {
      const words = 'x'.repeat(size);
      const head = `FUNCTION_PAYLOAD ${uid} ${seconds} "echo ${words}" "0x0" "s" "text/plain"\n`;
      await scene.send(head, body, called(`next-${uid}`, 'echo'));
      assert.deepEqual([scene.status(uid), scene.status(`next-${uid}`)], [400, 200]);
    }
    assert.deepEqual([scene.status('tx1'), scene.status('forged'), scene.quits], [null, null, 0]);
    assert.equal(scene.server.counters.oddLines, 0);
    watched.meet('tx1').resolve();
  });

  it('21. takes a body of 20 MiB, and refuses one byte more', async () => {
    for (const [uid, size, status] of [
      ['less', limits.stdioBodyBytesMax - 1, 200],
      ['fits', limits.stdioBodyBytesMax, 200],
      ['over', limits.stdioBodyBytesMax + 1, 413],
    ] as const) {
      const head = `FUNCTION_PAYLOAD ${uid} 10 "size" "0x0" "s" "application/octet-stream"\n`;
      await scene.send(head, Buffer.alloc(size, 0x61), `\n${end}`, called(`next-${uid}`, 'echo'));
      // What does not fit is refused before anybody asks who would take it.
      assert.equal(scene.status(uid), status === 200 ? 501 : 413);
      assert.equal(scene.status(`next-${uid}`), 200);
    }
  });

  it('22. writes no uid back that is not safe', async () => {
    const before = scene.text;
    for (const uid of ['x'.repeat(129), '"a b"', 'a=b', 'a"b', 'a\\b', "a'b", '""', 'a\u007fb']) {
      await scene.send(`FUNCTION ${uid} nope "echo" "0x0" "s"\n`);
      await scene.send(`FUNCTION ${uid} 10 "echo" "0x0" "s"\n`);
      await scene.send(`FUNCTION_CANCEL ${uid}\n`);
    }
    assert.equal(scene.text, before);
    await scene.send(called('fine', 'echo'));
    assert.equal(scene.status('fine'), 200);
  });
});
