import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { withoutPassword } from './shown-word.ts';

describe('a word of the command line, as others see it', () => {
  it('has no password', () => {
    const cases = {
      'postgres://app:secret@db/jobs': 'postgres://app:***@db/jobs',
      '--store=postgresql://app:secret@db/jobs?schema=a':
        '--store=postgresql://app:***@db/jobs?schema=a',
      'postgres://app:se@cret/x?y@db/jobs': 'postgres://app:***@db/jobs',
      'postgres://:secret@db/jobs': 'postgres://:***@db/jobs',
      'postgres://app@db/jobs?password=secret&schema=a':
        'postgres://app@db/jobs?password=***&schema=a',
    };
    for (const [word, shown] of Object.entries(cases)) assert.equal(withoutPassword(word), shown);
  });

  it('is itself where there is none', () => {
    const words = ['ls', '--store', './a:b@c.db', 'postgres://app@db:5432/jobs', 'sqlite:./x.db'];
    for (const word of words) assert.equal(withoutPassword(word), word);
  });
});
