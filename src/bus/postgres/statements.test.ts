import assert from 'node:assert/strict';
import { it } from 'node:test';
import { busTopics } from '../../ports/bus.ts';
import { channelOf, listenText, textOf, topicsOf } from './statements.ts';

it('W1: whoever reads a wake-up gets its topics, except who sent it', () => {
  const text = textOf('me', ['ready', 'nodes']);
  assert.deepEqual(topicsOf(text, 'you'), ['ready', 'nodes']);
  assert.deepEqual(topicsOf(text, 'me'), []);
  assert.ok(textOf('0'.repeat(36), busTopics).length < 8_000, 'what the server takes');
});

it('W1: what a newer version says is passed over, and what nobody says is nothing', () => {
  assert.deepEqual(topicsOf('you done,later,ready', 'me'), ['ready', 'done']);
  for (const text of [undefined, '', 'you', 'you ', 'you later', '{"a":1} b']) {
    assert.deepEqual(topicsOf(text, 'me'), [], String(text));
  }
});

it('W2: a channel is that of its schema', () => {
  assert.equal(listenText(channelOf('work')), 'listen "work_wake"');
  assert.ok(channelOf('a'.repeat(40)).length < 64);
});
