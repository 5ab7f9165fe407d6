/**
 * Payloads that only holders of a key can read: a key, a newer key, and a look at the file.
 *
 *   npm exec -- node --conditions=holdfast-source examples/11-encryption.ts
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aesGcm, defineFunction, Holdfast, richValues } from 'holdfast';

const remind = defineFunction({
  name: 'remind',
  run: async (patient: { name: string; at: Date }, ctx) => {
    const text = await ctx.step('write', () => `${patient.name}, ${patient.at.getFullYear()}`);
    return { text };
  },
});

const folder = await mkdtemp(join(tmpdir(), 'holdfast-example-'));
const store = join(folder, 'patients.db');
// In earnest these come from where your secrets are kept; the match key stays as it is.
const [first, second, matchKey] = [randomBytes(32), randomBytes(32), randomBytes(32)];
const values = richValues();
{
  const cipher = aesGcm({ keys: [{ id: '2026-11', key: first }], matchKey });
  await using hf = await Holdfast.open({ store, functions: [remind], codec: { values, cipher } });
  const patient = { name: 'Rumpelstiltskin', at: new Date('2027-01-04') };
  const run = await hf.start(remind, patient, { id: 'reminder-1' });
  console.log((await run.result()).text);
}

const files = await Promise.all((await readdir(folder, { recursive: true })).map(textOf));
console.log('is the name in a file?', files.join().includes('Rumpelstiltskin'));
console.log('is the function in a file?', files.join().includes('remind'));

{
  // A new key goes first, and the old one stays for as long as there are runs under it.
  const keys = [
    { id: '2026-12', key: second },
    { id: '2026-11', key: first },
  ];
  const codec = { values, cipher: aesGcm({ keys, matchKey }) };
  await using hf = await Holdfast.open({ store, functions: [remind], codec });
  const kept = await hf.runs.get('reminder-1');
  console.log('under the newer key it reads:', JSON.stringify(kept?.result));
}
{
  await using hf = await Holdfast.open({ store });
  const kept = (await hf.runs.get('reminder-1'))?.result as { $hf: string; k: string };
  console.log('without a key it shows:', kept.$hf, kept.k);
}
await rm(folder, { recursive: true });

async function textOf(name: string): Promise<string> {
  return readFile(join(folder, name), 'latin1').catch(() => '');
}
