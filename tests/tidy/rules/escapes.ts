/** No way around the compiler: a cast to any and a silenced error hide the next mistake as well. */
import { finding, type Rule, walk } from '../source.ts';

export const escapes: Rule = {
  name: 'escape',
  check(source) {
    if (source.code === undefined) return [];
    const findings: ReturnType<typeof finding>[] = [];
    const report = (at: number, what: string, instead: string) =>
      findings.push(finding(source, escapes, at, `${what}; ${instead}`));
    walk(source.code.program, (node) => {
      const casts = node.type === 'TSAsExpression' || node.type === 'TSTypeAssertion';
      if (!casts || node.typeAnnotation.type !== 'TSAnyKeyword') return;
      report(node.start, 'cast to any', 'narrow from unknown, or cast to the type that it is');
    });
    for (const comment of source.code.comments) {
      const directive = /^[\s*/]*@ts-(ignore|nocheck)\b/.exec(comment.value)?.[1];
      if (directive === undefined) continue;
      report(comment.start, `@ts-${directive}`, 'mend the type, or use @ts-expect-error with why');
    }
    return findings;
  },
};
