/**
 * An album as a fan-out: one run starts a run for each picture, waits for all of them without a
 * slot, and makes the best of those that failed. Each picture is tried again by itself, on whatever
 * node has room, and all of it survives a crash at any point.
 *
 *   npm exec -- node --conditions=holdfast-source examples/13-fan-out.ts
 */
import { ChildError, defineFunction, Holdfast, NonRetryableError } from 'holdfast';

interface Picture {
  readonly file: string;
  readonly width: number;
}

/** One picture, in a run of its own. */
const resize = defineFunction({
  name: 'picture.resize',
  retry: { attemptsMax: 3, delayMs: 5 },
  run: async ({ file, width }: Picture, ctx) => {
    if (file === 'torn.jpg') throw new NonRetryableError('it is torn', { code: 'picture.torn' });
    if (file === 'slow.jpg' && ctx.attempt === 1) throw new Error('the disk is busy');
    return { file: `${width}/${file}`, attempts: ctx.attempt };
  },
});

/** The index page, of which there is one. */
const makeIndex = defineFunction({
  name: 'album.index',
  run: async (files: readonly string[]) => `<p>${files.length} pictures</p>`,
});

const makeAlbum = defineFunction({
  name: 'album.make',
  run: async (files: readonly string[], ctx) => {
    // Any iterable will do, also one that reads from elsewhere: inputs are taken as need be.
    const pictures = files.map((file) => ({ file, width: 400 }));
    const all = await ctx.all(resize, pictures, { close: 'terminate' });
    const made: string[] = [];
    const missing: string[] = [];
    for await (const { index, outcome, value } of all.outcomes()) {
      if (value !== null) made.push(value.file);
      else missing.push(`${files[index]}: ${outcome.error?.message}`);
    }
    const page = await ctx.start(makeIndex, made);
    return { page: await page.result(), made, missing };
  },
});

/** One that insists on every picture. */
const makePoster = defineFunction({
  name: 'poster.make',
  retry: false,
  run: async (files: readonly string[], ctx) => {
    const all = await ctx.all(
      resize,
      files.map((file) => ({ file, width: 50 })),
    );
    try {
      return (await all.values()).map(({ file }) => file);
    } catch (error) {
      if (error instanceof ChildError) return `no poster: ${error.outcome.error?.code}`;
      throw error;
    }
  },
});

const functions = [makeAlbum, makePoster, resize, makeIndex];
await using hf = await Holdfast.open({ store: 'memory:', functions });

const files = ['sea.jpg', 'slow.jpg', 'torn.jpg', 'hill.jpg'];
const album = await hf.start(makeAlbum, files);
const { page, made, missing } = await album.result();
console.log(page, made.join(' '));
console.log('missing:', missing.join(', '));

const poster = await hf.start(makePoster, files);
console.log(await poster.result());

const { children } = await hf.runs.children(album.id);
for (const { fn, group, index, outcome } of children) {
  console.log(`${group} ${index}: ${fn} ${outcome?.kind}`);
}
