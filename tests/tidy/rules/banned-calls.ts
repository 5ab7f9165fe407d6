/**
 * Time, chance and identity come in through the ports Clock and Random. Outside src/system/ nothing
 * asks the machine for them, so that a simulation owns all of them and a seed replays a failure.
 */
import type { Node } from 'oxc-parser';
import { importsOf } from '../imports.ts';
import { type Reference, referencesOf } from '../references.ts';
import { finding, isProduction, type Rule, type Source, walk } from '../source.ts';

const CLOCK = 'take the time from the Clock port';
const TIMER = 'wait through the Clock port';
const RANDOM = 'draw from the Random port';

/** Globals: with a member named, only that member is banned. */
const GLOBALS: readonly { name: string; members?: readonly string[]; instead: string }[] = [
  { name: 'Math', members: ['random'], instead: RANDOM },
  { name: 'crypto', members: ['randomUUID', 'getRandomValues'], instead: RANDOM },
  { name: 'performance', instead: CLOCK },
  { name: 'process', members: ['hrtime'], instead: CLOCK },
  { name: 'AbortSignal', members: ['timeout'], instead: TIMER },
  { name: 'setTimeout', instead: TIMER },
  { name: 'setInterval', instead: TIMER },
];

/** Modules: with names given, only those exports are banned. */
const MODULES: readonly { from: RegExp; names?: readonly string[]; instead: string }[] = [
  {
    from: /^(node:)?timers(\/promises)?$/,
    names: ['setTimeout', 'setInterval', 'scheduler'],
    instead: TIMER,
  },
  { from: /^(node:)?perf_hooks$/, instead: CLOCK },
  { from: /^(node:)?process$/, names: ['hrtime'], instead: CLOCK },
  {
    from: /^(node:)?crypto$/,
    names: ['randomUUID', 'randomBytes', 'randomInt', 'randomFill', 'randomFillSync', 'webcrypto'],
    instead: RANDOM,
  },
  { from: /^uuid$/, instead: RANDOM },
];

export const bannedCalls: Rule = {
  name: 'banned-call',
  check(source) {
    if (!isProduction(source) || source.path.startsWith('src/system/')) return [];
    return [...dates(source), ...globals(source), ...modules(source)];
  },
};

function report(source: Source, at: number, what: string, instead: string) {
  return finding(source, bannedCalls, at, `${what} is for src/system/ only; ${instead}`);
}

function dates(source: Source) {
  return referencesOf(source, ['Date']).flatMap((reference) => {
    const what = readsTheClock(reference);
    return what === undefined ? [] : [report(source, reference.at, what, CLOCK)];
  });
}

function readsTheClock({ member, ancestors }: Reference): string | undefined {
  if (member === 'now') return 'Date.now';
  const parent = ancestors.at(-1);
  if (parent?.type === 'NewExpression' && parent.arguments.length === 0 && isDate(parent.callee)) {
    return 'new Date() without an argument';
  }
  return parent?.type === 'CallExpression' && isDate(parent.callee) ? 'Date()' : undefined;
}

function isDate(callee: Node): boolean {
  return callee.type === 'Identifier' && callee.name === 'Date';
}

function globals(source: Source) {
  const names = GLOBALS.map((one) => one.name);
  return referencesOf(source, names).flatMap(({ name, member, at }) =>
    GLOBALS.filter((one) => one.name === name)
      .filter((one) => one.members === undefined || one.members.includes(member ?? ''))
      .map((one) =>
        report(source, at, member === undefined ? name : `${name}.${member}`, one.instead),
      ),
  );
}

function modules(source: Source) {
  return importsOf(source).flatMap((one) => {
    if (one.typeOnly) return [];
    return MODULES.filter((banned) => banned.from.test(one.specifier)).flatMap((banned) => {
      const names = one.names.filter((name) => banned.names?.includes(name) ?? true);
      const whole = one.names.length === 0 && banned.names === undefined;
      const what = [one.specifier, names.join(', ')].filter((part) => part !== '').join(' ');
      return [
        ...(names.length > 0 || whole ? [report(source, one.at, what, banned.instead)] : []),
        ...throughAlias(source, one.alias, banned),
      ];
    });
  });
}

/** `import crypto from 'node:crypto'` is fine until `crypto.randomUUID`. */
function throughAlias(
  source: Source,
  alias: string | undefined,
  { names, instead }: (typeof MODULES)[number],
) {
  const findings: ReturnType<typeof finding>[] = [];
  if (source.code === undefined || alias === undefined || names === undefined) return findings;
  walk(source.code.program, (node) => {
    if (node.type !== 'MemberExpression' || node.property.type !== 'Identifier') return;
    if (node.object.type !== 'Identifier' || node.object.name !== alias) return;
    if (!names.includes(node.property.name)) return;
    findings.push(report(source, node.start, `${alias}.${node.property.name}`, instead));
  });
  return findings;
}
