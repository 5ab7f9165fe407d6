/**
 * The client runs in browsers: it and every file that it loads import no node: module and no
 * package but those named here, and use no global of Node.
 */
import { importsOf } from '../imports.ts';
import { referencesOf } from '../references.ts';
import { finding, isProduction, type Rule, type Source } from '../source.ts';

const CLIENT = 'src/client/';
/** They run in browsers, too, and weigh little. */
const PACKAGES: ReadonlySet<string> = new Set(['eventsource-parser', 'uuid']);
const GLOBALS = ['Buffer', 'clearImmediate', 'global', 'process', 'setImmediate'];

export const browser: Rule = {
  name: 'browser',
  check(source, all) {
    if (!isProduction(source) || !loadedBy(all).has(source.path)) return [];
    const imports = importsOf(source)
      .filter(({ typeOnly, target, specifier }) => {
        return !typeOnly && target === undefined && !PACKAGES.has(specifier);
      })
      .map(({ specifier, at }) => {
        const rule = 'the client is loaded by browsers; use what every platform of the web has';
        return finding(source, browser, at, `imports ${specifier}; ${rule}`);
      });
    const globals = referencesOf(source, GLOBALS).map(({ name, at }) =>
      finding(source, browser, at, `uses the global ${name}; no browser has it`),
    );
    return [...imports, ...globals];
  },
};

const known = new WeakMap<readonly Source[], ReadonlySet<string>>();

/** The files of the client, and those that they load. */
function loadedBy(all: readonly Source[]): ReadonlySet<string> {
  const before = known.get(all);
  if (before !== undefined) return before;
  const byPath = new Map(all.map((source) => [source.path, source]));
  const found = new Set<string>();
  const queue = all.filter((one) => isProduction(one) && one.path.startsWith(CLIENT));
  for (let one = queue.pop(); one !== undefined; one = queue.pop()) {
    if (found.has(one.path)) continue;
    found.add(one.path);
    for (const { typeOnly, target = '' } of importsOf(one)) {
      const next = byPath.get(target);
      if (!typeOnly && next !== undefined) queue.push(next);
    }
  }
  known.set(all, found);
  return found;
}
