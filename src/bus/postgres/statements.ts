/**
 * Owns what is said to the server, and what processes say to each other through it: the name of
 * their channel and the text of a wake-up.
 *
 * W1 A wake-up is `<sender> <topic>,<topic>`. Topics that are not known (of a newer version) are
 *    passed over, and a text that is not understood is no wake-up.
 * W2 A channel belongs to a schema of a database; the server keeps databases apart.
 */
import pg from 'pg';
import { type BusTopic, busTopics } from '../../ports/bus.ts';

/** The channel of a schema. A schema has at most 40 characters, and a channel may have 63. */
export const channelOf = (schema: string): string => `${schema}_wake`;

/** Makes a session hear a channel, when it is committed. */
export const listenText = (channel: string): string => `listen ${pg.escapeIdentifier(channel)}`;

/** Takes a channel and a text. A transaction of its own: nothing is held while others commit. */
export const notifyText = 'select pg_notify($1, $2)';

/** A wake-up as a text. */
export const textOf = (sender: string, topics: readonly BusTopic[]): string =>
  `${sender} ${topics.join(',')}`;

/** What a text says to somebody else than its sender. */
export function topicsOf(text: string | undefined, reader: string): readonly BusTopic[] {
  const [sender, topics] = text?.split(' ') ?? [];
  if (sender === reader || topics === undefined) return [];
  const said = new Set(topics.split(','));
  return busTopics.filter((topic) => said.has(topic));
}
