/** A file is named, in kebab-case, by the noun it defines; a name for anything names nothing. */
import { finding, type Rule } from '../source.ts';

const EMPTY_WORDS = new Set([
  ...['common', 'helper', 'helpers', 'manager', 'managers', 'misc'],
  ...['type', 'types', 'util', 'utils'],
]);
const KEBAB = /^\.?[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$/;

export const fileName: Rule = {
  name: 'file-name',
  check(source) {
    if (source.code === undefined) return [];
    const parts = source.path.split('/');
    const words = parts.flatMap((part) => part.split(/[.-]/));
    const empty = words.find((word) => EMPTY_WORDS.has(word));
    if (empty !== undefined) {
      return [finding(source, fileName, 0, `"${empty}" says nothing; name the noun it defines`)];
    }
    const odd = parts.find((part) => !KEBAB.test(part));
    if (odd === undefined) return [];
    return [finding(source, fileName, 0, `"${odd}" is not kebab-case; write lower-case-words`)];
  },
};
