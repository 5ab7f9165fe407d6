/** A node in a process of its own that hosts versions of one function. */
import { type AnyFunction, defineFunction, Holdfast, type RunContext } from 'holdfast';

/** On its command line as JSON. */
export interface VersionsOrder {
  readonly store: string;
  readonly name: string;
  /** The last one is the current one. */
  readonly versions: readonly string[];
}

/** Each version asks for steps of its own, so that none can go on with what another has kept. */
const chargeIn = (version: string): AnyFunction =>
  defineFunction({
    name: 'charge',
    version,
    retry: { attemptsMax: 5, backoff: 'fixed', delayMs: 10, jitter: 0 },
    run: async ({ failsFirst }: { readonly failsFirst: boolean }, ctx: RunContext) => {
      if (failsFirst && ctx.attempt === 1) throw new Error(`by ${version}`);
      const begun = await ctx.step(`begin ${version}`, () => `${version} in ${process.pid}`);
      await ctx.waitFor('go');
      return { begun, ended: version, pid: process.pid };
    },
  });

if (process.argv[2] !== undefined && process.send !== undefined) {
  const { store, name, versions } = JSON.parse(process.argv[2]) as VersionsOrder;
  const hf = await Holdfast.open({ store, name, functions: versions.map(chargeIn) });
  process.on('disconnect', () => process.exit(1));
  process.on('SIGTERM', () => {
    void hf.close().then(() => process.disconnect());
  });
  process.send('ready');
}
