/** Nobody who reads the store, its files or the log finds a payload in the open. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HoldfastError } from 'holdfast';
import {
  cipherOf,
  heardLog,
  keyOf,
  mourner,
  openOn,
  places,
  secret,
  talk,
  talked,
  talker,
} from './codec-scene.ts';

const patience = { timeout: 60_000 };

for (const [kind, open] of Object.entries(places)) {
  describe(`a sealed store of the kind ${kind}`, patience, () => {
    it('gives its runtime everything, and others nothing', async () => {
      await using place = await open();
      const log = heardLog();
      {
        const codec = { cipher: cipherOf('one') };
        await using hf = await openOn(place, [talker, mourner], { codec, log });
        assert.deepEqual(await talk(hf, 'talk'), talked);
        const sad = await hf.start(mourner, secret, { id: 'sad' });
        const { error } = await sad.outcome();
        assert.equal(error?.message, `no more ${secret}`);
        await assert.rejects(sad.result(), { code: 'run.not_succeeded' });
        assert.match((await hf.runs.explain('sad')).sentence, new RegExp(secret));

        const { steps } = await hf.runs.steps('talk');
        const said = JSON.stringify([steps, await hf.runs.get('talk'), await hf.runs.list()]);
        for (const words of [`not ${secret}`, `heard ${secret}`, `the first time ${secret}`]) {
          assert.ok(said.includes(words), `the views do not say '${words}'`);
        }
        const { lines } = await hf.runs.logs('talk');
        assert.ok(lines.length >= 2);
        for (const { level, message, fields } of lines) {
          assert.deepEqual([level, message, fields], ['info', `it is ${secret}`, { word: secret }]);
        }
        // While it is open, and its last writes may be in a log of their own.
        assert.ok(!(await place.contents()).includes(secret));
      }
      const contents = await place.contents();
      assert.ok(contents.includes('talker') && contents.includes('aes-256-gcm'));
      assert.ok(!contents.includes(secret));
      assert.ok(!log.said.join().includes(secret), log.said.join('\n'));
      for (const key of [keyOf('one'), keyOf('match')]) {
        const bytes = Buffer.from(key);
        for (const encoding of ['hex', 'base64', 'base64url', 'latin1'] as const) {
          assert.ok(!`${contents}${log.said.join()}`.includes(bytes.toString(encoding)));
        }
      }
    });

    it('is seen to hold the secret where nothing is sealed', async () => {
      await using place = await open();
      await using hf = await openOn(place, [talker]);
      assert.deepEqual(await talk(hf, 'talk'), talked);
      assert.ok((await place.contents()).includes(secret));
    });

    it('shows envelopes, and no result, to whoever has no key', async () => {
      await using place = await open();
      {
        const codec = { cipher: cipherOf('one') };
        await using hf = await openOn(place, [talker, mourner], { codec });
        await talk(hf, 'talk');
        await (await hf.start(mourner, secret, { id: 'sad' })).outcome();
      }
      for (const codec of [{}, { cipher: cipherOf('two') }]) {
        await using hf = await openOn(place, [], { codec });
        const run = await hf.runs.get('talk');
        const { $hf, k } = (run?.input ?? {}) as Record<string, unknown>;
        assert.deepEqual([$hf, k], ['aes-256-gcm', 'one']);
        const failed = await hf.runs.get('sad');
        assert.equal(failed?.outcome?.error?.code, 'attempt.failed');
        assert.equal(failed?.outcome?.error?.message, 'the words of this error are sealed');
        await assert.rejects(hf.runs.result('talk'), (error) => {
          assert.ok(error instanceof HoldfastError);
          assert.equal(error.code, 'payload.no_key');
          assert.deepEqual(error.details, { codec: 'aes-256-gcm', key: 'one' });
          return true;
        });
        const all = [
          run,
          failed,
          await hf.runs.list(),
          await hf.runs.logs('talk'),
          await hf.runs.steps('talk'),
          await hf.runs.explain('sad'),
        ];
        assert.ok(!JSON.stringify(all).includes(secret));
      }
    });
  });
}
