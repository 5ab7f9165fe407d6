/** Nothing unfinished is left behind: it is done, or it is an issue. */
import type { Rule } from '../source.ts';

/** Taken apart here so that this file does not find itself. */
const MARKS = new RegExp(
  `\\b(${['TO-DO', 'FIX-ME', 'XX-X', 'HA-CK'].join('|').replaceAll('-', '')})\\b`,
);

export const leftovers: Rule = {
  name: 'leftover',
  check(source) {
    return source.lines.flatMap((line, index) => {
      const mark = MARKS.exec(line)?.[0];
      if (mark === undefined) return [];
      const message = `${mark} left behind; do it now or open an issue`;
      return [{ path: source.path, line: index + 1, rule: leftovers.name, message }];
    });
  },
};
