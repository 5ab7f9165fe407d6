import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { recordedIo } from '../../tests/e2e/recorded-io.ts';
import { harmless, harmlessLine, printer } from './printer.ts';

describe('a printer', () => {
  it('writes nothing but JSON on the output when it was asked for JSON', () => {
    const { io, text } = recordedIo({ terminal: 20 });
    const print = printer(io, true);
    print.line('for people');
    print.document({ a: [1] });
    print.record({ b: 2 });
    print.note('beside');
    assert.equal(text.out, '{\n  "a": [\n    1\n  ]\n}\n{"b":2}\n');
    assert.equal(text.err, 'beside\n');
  });

  it('colours on a terminal only', () => {
    assert.equal(
      printer(recordedIo({ terminal: 20 }).io, false).style('red', 'x'),
      '\u001b[31mx\u001b[39m',
    );
    assert.equal(printer(recordedIo().io, false).style('red', 'x'), 'x');
  });

  it('shows progress on a terminal only, cut to its width, and wipes it before a line', () => {
    const { io, text } = recordedIo({ terminal: 20 });
    const print = printer(io, false);
    print.progress('counting '.repeat(9));
    print.line('done');
    assert.equal(text.err, 'counting counting c\r\u001b[K');
    const pipe = recordedIo();
    printer(pipe.io, false).progress('counting');
    assert.equal(pipe.text.err, '');
  });
});

describe('text from handlers', () => {
  it('cannot move the cursor, colour the terminal or turn its direction', () => {
    const text = '\u001b[31mred\u0007\b\u009b2J\u202eabc\u007f';
    assert.equal(harmless(text), '\\u001b[31mred\\u0007\\u0008\\u009b2J\\u202eabc\\u007f');
  });

  it('keeps its lines where lines are wanted, and is one line where one is wanted', () => {
    assert.equal(harmless('a\r\nb\tc'), 'a\nb  c');
    assert.equal(harmlessLine('a\nb'), 'a\\nb');
  });
});
