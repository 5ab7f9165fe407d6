/**
 * Imports go down only. The floors, lowest first, and the few ways allowed between folders of the
 * same floor; everything that is not below and not named here is refused.
 */
import { importsOf } from '../imports.ts';
import { finding, isProduction, type Rule, type Source } from '../source.ts';

const FLOORS: Readonly<Record<string, number>> = {
  core: 0,
  ports: 1,
  store: 2,
  bus: 2,
  sandbox: 2,
  system: 2,
  engine: 3,
  runtime: 4,
  http: 5,
  stdio: 5,
  cli: 5,
  client: 5,
};
/** The files directly in src/: they wire the parts and choose defaults. */
const TOP_FLOOR = 4;

/** From a folder to folders of its own floor. */
const SIDEWAYS: Readonly<Record<string, readonly string[]>> = {
  '': ['runtime'],
  runtime: [''],
  store: ['system'],
  bus: ['system'],
  sandbox: ['system'],
  cli: ['http', 'stdio', 'client'],
};

/** The exported kit stands outside the floors: it drives everything but the edges. */
const KIT = 'testing';
const KIT_REFUSES = ['http', 'cli'];

/** Gets its stores, clocks and sandboxes handed in, so it sees their interfaces and no more. */
const ENGINE_SEES = ['core', 'ports', 'engine'];

export const floors: Rule = {
  name: 'floors',
  check(source) {
    if (!isProduction(source)) return [];
    return importsOf(source).flatMap((one) => {
      const refusal =
        one.target === undefined ? selfImport(one.specifier) : judge(source, one.target);
      return refusal === undefined ? [] : [finding(source, floors, one.at, refusal)];
    });
  },
};

function selfImport(specifier: string): string | undefined {
  if (!/^holdfast(\/|$)/.test(specifier)) return undefined;
  return `${specifier} is this package; import the file by its relative path`;
}

function judge(source: Source, target: string): string | undefined {
  if (!target.startsWith('src/')) {
    return `${target} is outside src/; move what is needed into src/`;
  }
  const from = placeOf(source.path);
  const to = placeOf(target);
  if (from === to) return undefined;
  if (to === KIT) return 'src/testing/ is for tests; only tests may import it';
  if (from === KIT) {
    return KIT_REFUSES.includes(to) ? `src/testing/ must not import ${to}/` : undefined;
  }
  if (from === 'engine' && !ENGINE_SEES.includes(to)) {
    return `engine/ sees core/ and ports/ only; let src/runtime.ts hand in what is in ${to}/`;
  }
  const fromFloor = floorOf(from);
  const toFloor = floorOf(to);
  if (fromFloor === undefined)
    return `${from}/ has no floor; name it in tests/tidy/rules/floors.ts`;
  if (toFloor === undefined) return `${to}/ has no floor; name it in tests/tidy/rules/floors.ts`;
  if (toFloor < fromFloor || SIDEWAYS[from]?.includes(to)) return undefined;
  return toFloor > fromFloor
    ? `${show(from)} (floor ${fromFloor}) must not import ${show(to)} (floor ${toFloor}); ` +
        'move the shared part down, or take it as an argument'
    : `${show(from)} and ${show(to)} share floor ${toFloor} and must not see each other; ` +
        'move the shared part down';
}

/** The folder directly under src/, or '' for a file that is itself directly there. */
function placeOf(path: string): string {
  const [, place, ...rest] = path.split('/');
  return rest.length === 0 || place === undefined ? '' : place;
}

function floorOf(place: string): number | undefined {
  return place === '' ? TOP_FLOOR : FLOORS[place];
}

function show(place: string): string {
  return place === '' ? 'a file of src/' : `${place}/`;
}
