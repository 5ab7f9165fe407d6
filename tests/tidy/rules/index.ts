/** The rules, in the order in which they are explained in CONTRIBUTING.md. */
import type { Rule } from '../source.ts';
import { bannedCalls } from './banned-calls.ts';
import { browser } from './browser.ts';
import { cycles } from './cycles.ts';
import { defaultExport } from './default-export.ts';
import { escapes } from './escapes.ts';
import { fileName } from './file-name.ts';
import { floors } from './floors.ts';
import { header } from './header.ts';
import { leftovers } from './leftovers.ts';
import { places } from './places.ts';
import { purity } from './purity.ts';
import { fileLines, functionLines, lineColumns } from './size.ts';
import { sleeps } from './sleeps.ts';
import { sourceUrl } from './source-url.ts';
import { sql } from './sql.ts';
import { testFocus } from './test-focus.ts';

export const RULES: readonly Rule[] = [
  floors,
  purity,
  browser,
  cycles,
  bannedCalls,
  sql,
  sourceUrl,
  defaultExport,
  escapes,
  fileName,
  header,
  fileLines,
  functionLines,
  lineColumns,
  leftovers,
  places,
  testFocus,
  sleeps,
];
