/**
 * Owns what schema version 3 adds for runs that start runs. Stored format: released migrations are
 * never edited, only followed by others.
 *
 * M1 Only unfinished children stand in `kin_open`.
 */
export const migrationFamilies = `
-- One row for each run that has a parent or children. \`parent\`, \`grp\` and \`idx\` stand
-- together, or nobody started it. \`open\`: it is unfinished. \`parent_open\`: its parent may
-- still ask for it.
CREATE TABLE kin (
  seq INTEGER NOT NULL PRIMARY KEY,
  parent INTEGER,
  grp TEXT,
  idx INTEGER NOT NULL,
  close TEXT NOT NULL,
  depth INTEGER NOT NULL,
  open INTEGER NOT NULL,
  parent_open INTEGER NOT NULL,
  children INTEGER NOT NULL
) STRICT;
CREATE INDEX kin_parent ON kin (parent, seq) WHERE parent IS NOT NULL;
CREATE UNIQUE INDEX kin_group ON kin (parent, grp, idx) WHERE parent IS NOT NULL;
CREATE INDEX kin_open ON kin (parent, grp, idx) WHERE parent IS NOT NULL AND open = 1;

-- What is left to be done for the family of a run that ended, or was asked to stop: its children up
-- to the seq \`after\` have been told, and those behind \`upto\` are not concerned.
CREATE TABLE closings (
  seq INTEGER NOT NULL PRIMARY KEY,
  how TEXT NOT NULL,
  after INTEGER NOT NULL,
  upto INTEGER
) STRICT;
`;
