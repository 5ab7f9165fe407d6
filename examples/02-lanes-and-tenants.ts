/**
 * Lanes: what has the same key runs one after the other. Tenants: who waits shares the slots
 * fairly.
 *
 *   npm exec -- node --conditions=holdfast-source examples/02-lanes-and-tenants.ts
 */
import { setTimeout as work } from 'node:timers/promises';
import { defineFunction, Holdfast } from 'holdfast';

interface Photo {
  readonly album: string;
  readonly customer: string;
  readonly n: number;
}

const order: string[] = [];
const resize = defineFunction({
  name: 'photo.resize',
  lane: (photo: Photo) => photo.album,
  tenant: (photo: Photo) => photo.customer,
  run: async ({ album, customer, n }: Photo) => {
    await work(5);
    order.push(`${customer}/${album}/${n}`);
  },
});

await using hf = await Holdfast.open({ store: 'memory:', functions: [resize], slots: 1 });

// The big customer comes first, with three albums. The small one comes last, with one photo.
await hf.functions.pause('photo.resize', 'until everybody is here');
const photos = ['sea', 'city', 'hills'].flatMap((album) =>
  [1, 2, 3].map((n): Photo => ({ album, customer: 'big', n })),
);
photos.push({ album: 'garden', customer: 'small', n: 1 });
const started = await hf.startMany(
  resize,
  photos.map((input) => ({ input })),
);

const [, second] = started;
if (second?.ok) console.log((await hf.runs.explain(second.run.id)).sentence);

await hf.functions.resume('photo.resize');
for (const one of started) if (one.ok) await one.run.result();
console.log(order.join('\n'));

const sea = order.filter((photo) => photo.includes('sea'));
console.log('within a lane, in the order of acceptance:', sea.join(' '));
console.log('the small customer did not wait for all nine:', order.indexOf('small/garden/1') < 9);
