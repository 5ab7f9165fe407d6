/**
 * core/ and ports/ import no package and no node: module, and core/ touches no global that does
 * I/O. A port may name the type of @standard-schema/spec, which is types and nothing else.
 */
import { importsOf } from '../imports.ts';
import { referencesOf } from '../references.ts';
import { finding, isProduction, type Rule } from '../source.ts';

const PURE = /^src\/(core|ports)\//;
const TYPES_FOR_PORTS = '@standard-schema/spec';
const GLOBALS = ['Buffer', 'console', 'fetch', 'process', 'queueMicrotask', 'setImmediate'];

export const purity: Rule = {
  name: 'purity',
  check(source) {
    if (!isProduction(source) || !PURE.test(source.path)) return [];
    const inPorts = source.path.startsWith('src/ports/');
    const imports = importsOf(source)
      .filter((one) => one.target === undefined)
      .filter((one) => !(inPorts && one.typeOnly && one.specifier === TYPES_FOR_PORTS))
      .map((one) =>
        finding(
          source,
          purity,
          one.at,
          `imports ${one.specifier}; core/ and ports/ import no package and no node: module, ` +
            'so pass in what is needed through a port',
        ),
      );
    const globals = referencesOf(source, GLOBALS).map(({ name, at }) =>
      finding(source, purity, at, `uses the global ${name}; pass it in through a port`),
    );
    return [...imports, ...globals];
  },
};
