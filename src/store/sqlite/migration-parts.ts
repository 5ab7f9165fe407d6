/**
 * Owns what schema version 2 brings for parts. Stored format: released migrations are never edited,
 * only followed by others.
 *
 * M1 A block holds `count` parts from the offset `first` on. `content` is a JSON array of them: a
 *    text as it is, bytes as an object whose `b` is their base64.
 */
export const migrationParts = `
CREATE TABLE parts (
  seq INTEGER NOT NULL,
  first INTEGER NOT NULL,
  count INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  content TEXT NOT NULL,
  PRIMARY KEY (seq, first)
) STRICT;
-- Parts kept, their bytes, parts dropped, and how many the owner under \`fence\` has sent.
CREATE TABLE part_sums (
  seq INTEGER NOT NULL PRIMARY KEY,
  kept INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  dropped INTEGER NOT NULL,
  fence INTEGER NOT NULL,
  sent INTEGER NOT NULL
) STRICT;
`;
