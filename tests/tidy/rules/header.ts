/** Every file of src/ opens with a comment: what it owns, what it does not, its invariants. */
import { finding, isProduction, type Rule } from '../source.ts';

/** An index that only re-exports says all there is to say. */
const INDEX_LINES_MAX = 15;

export const header: Rule = {
  name: 'header',
  check(source) {
    if (!isProduction(source) || source.code === undefined) return [];
    const { program, comments } = source.code;
    if (source.path.endsWith('/index.ts') && source.lines.length < INDEX_LINES_MAX) return [];
    const from = program.hashbang?.end ?? 0;
    const first = source.text.slice(from).search(/\S/) + from;
    if (comments.some((comment) => comment.start === first && /\w/.test(comment.value))) return [];
    const message = 'no header comment; say what the file owns and what it leaves to others';
    return [finding(source, header, 0, message)];
  },
};
