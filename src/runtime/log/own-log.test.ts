import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type LogOptions, openLog } from './own-log.ts';

function written(options: LogOptions, say: (log: ReturnType<typeof openLog>) => void): string[] {
  const lines: string[] = [];
  say(openLog({ destination: { write: (line) => void lines.push(line) }, ...options }));
  return lines;
}

describe('the log of a runtime', () => {
  it('is one line of JSON an entry, from its level up', () => {
    const lines = written({ level: 'info' }, (log) => {
      log.log('debug', 'too quiet');
      log.log('info', 'the node joined', { node: 7 });
      log.log('error', 'it fell\nover');
    });
    const parsed = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      parsed.map(({ level, name, message, node }) => [level, name, message, node]),
      [
        ['info', 'holdfast', 'the node joined', 7],
        ['error', 'holdfast', 'it fell\nover', undefined],
      ],
    );
    assert.ok(lines.every((line) => line.endsWith('\n') && !line.slice(0, -1).includes('\n')));
    assert.match(String(parsed[0]?.time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    assert.equal(parsed[0]?.pid, process.pid);
  });

  it('(L1) is a line for people where that is asked for, which moves no cursor', () => {
    const [line] = written({ pretty: true }, (log) => {
      log.log('warn', 'a \u001b[2J\n message', { run: 'a1' });
    });
    const text = `warn  [holdfast ${process.pid}] a \\u001b[2J\\u000a message {"run":"a1"}\n`;
    assert.equal(line?.slice(13), text);
  });

  it('says warnings and errors where no level is given, and nothing where it is silent', () => {
    const say = (log: ReturnType<typeof openLog>) => {
      for (const level of ['debug', 'info', 'warn', 'error'] as const) log.log(level, level);
    };
    assert.equal(written({}, say).length, 2);
    assert.equal(written({ level: 'silent' }, say).length, 0);
    assert.equal(written({ level: 'debug' }, say).length, 4);
  });

  it('refuses options that it does not know', () => {
    const wrong = [{ level: 'loud' }, { pretty: 'yes' }, { destination: {} }, { colour: true }];
    for (const options of wrong) {
      assert.throws(() => openLog(options as LogOptions), { code: 'request.invalid' });
    }
  });
});
