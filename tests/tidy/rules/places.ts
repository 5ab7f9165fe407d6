/** The repository names no machine, no person's folder and no registry host. */
import type { Rule } from '../source.ts';

/** Put together from pieces so that this file does not find itself. */
const FOLDERS = ['work', 'root', 'tmp/\\w+_[\\w.]+', 'home/\\w+', 'Users/\\w+'].join('|');
const HOST = ['registry', 'npmjs', 'org'].join('\\.');
const PLACES = new RegExp(`(?<![\\w.~-])/(${FOLDERS})/|${HOST}`);

export const places: Rule = {
  name: 'place',
  check(source) {
    return source.lines.flatMap((line, index) => {
      const place = PLACES.exec(line)?.[0];
      if (place === undefined) return [];
      const message = `${place} belongs to one machine; use a relative path or a temporary folder`;
      return [{ path: source.path, line: index + 1, rule: places.name, message }];
    });
  },
};
