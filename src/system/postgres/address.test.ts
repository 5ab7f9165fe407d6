import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { HoldfastError } from '../../core/errors.ts';
import { parsePostgresAddress } from './address.ts';

const none = { PGUSER: 'me' };
const parse = (text: string, env: Record<string, string> = none) => parsePostgresAddress(text, env);

const refusal = (text: string, env: Record<string, string> = none): HoldfastError => {
  try {
    parse(text, env);
  } catch (error) {
    if (error instanceof HoldfastError) return error;
    throw error;
  }
  throw new Error(`${text} was accepted`);
};

describe('an address', () => {
  it('says who connects, where to, and to what', () => {
    for (const scheme of ['postgres', 'postgresql', 'POSTGRES']) {
      const { config, schema, shown } = parse(`${scheme}://app:s3cret@db.example.org:6543/jobs`);
      const { host, port, user, database, password, ssl } = config;
      assert.deepEqual([host, port, user, database], ['db.example.org', 6543, 'app', 'jobs']);
      assert.equal(password?.(), 's3cret');
      assert.deepEqual([ssl, schema, shown], [false, null, 'app@db.example.org:6543/jobs']);
    }
  });

  it('takes what is encoded, and an @ or a colon of a password as it is', () => {
    const encoded = parse('postgres://a%40b:%2F%3f%23%25%3A@h/d%2Fe').config;
    assert.deepEqual(
      [encoded.user, encoded.password?.(), encoded.database],
      ['a@b', '/?#%:', 'd/e'],
    );
    assert.equal(parse('postgres://u:p@ss:word@h/d').config.password?.(), 'p@ss:word');
  });

  it('takes IPv6 addresses and the folders of sockets', () => {
    const six = parse('postgres://u@[::1]:5433/d');
    assert.deepEqual([six.config.host, six.shown], ['::1', 'u@[::1]:5433/d']);
    for (const text of [
      'postgres:///d?host=/run/pg&port=5433',
      'postgres://me@/d?host=%2Frun%2Fpg&port=5433',
      'postgres://me@:5433/d?host=/run/pg',
      'postgres://%2Frun%2Fpg:5433/d',
    ]) {
      const { config, shown } = parse(text);
      assert.deepEqual([config.host, config.port], ['/run/pg', 5433], text);
      assert.equal(shown, 'me@/run/pg:5433/d');
    }
  });

  it('takes what is left out from the environment, and the rest as psql does', () => {
    const env = {
      PGHOST: 'h',
      PGPORT: '1234',
      PGUSER: 'u',
      PGPASSWORD: 'p',
      PGDATABASE: 'd',
      PGOPTIONS: '-c a=b',
    };
    const { config, shown } = parse('postgres://', env);
    assert.equal(shown, 'u@h:1234/d');
    assert.deepEqual([config.password?.(), config.options], ['p', '-c a=b']);
    assert.equal(parse('postgres://x:y@z:1/w', env).shown, 'x@z:1/w');
    assert.equal(parse('postgres://', { PGUSER: 'u', PGPORT: '' }).shown, 'u@localhost:5432/u');
    assert.notEqual(parse('postgres://', {}).config.user, '');
    assert.ok(!('password' in parse('postgres://').config), 'the driver looks for ~/.pgpass');
  });

  it('has the schema, and options of the session beside those of the environment', () => {
    const text = 'postgres://h/d?schema=work_2&options=-c%20geqo=off';
    const { schema, config } = parse(text, { ...none, PGOPTIONS: '-c a=b' });
    assert.deepEqual([schema, config.options], ['work_2', '-c a=b -c geqo=off']);
  });

  it('has the same key for whoever connects to the same database', () => {
    const keys = ['u:p@DB.example.org', 'other@db.example.org:5432'].map(
      (who) => parse(`postgres://${who}/jobs`).key,
    );
    assert.deepEqual(keys, Array(2).fill('db.example.org:5432/jobs'));
  });

  it('is the same again from its secret, whatever became of the environment', () => {
    const env: Record<string, string> = { PGUSER: 'u', PGPASSWORD: 's3cret', OTHER: 'o' };
    const address = parse('postgres://h/d?schema=work', env);
    delete env.PGPASSWORD;
    const secret = structuredClone(address.secret());
    assert.deepEqual(secret.env, { PGUSER: 'u', PGPASSWORD: 's3cret' });
    const again = parsePostgresAddress(secret.text, secret.env);
    assert.deepEqual([again.shown, again.schema], [address.shown, address.schema]);
    assert.equal(again.config.password?.(), 's3cret');
  });
});

describe('an address is refused', () => {
  const cases: Readonly<Record<string, RegExp>> = {
    'postgres:h/d': /not understood; give postgres:/,
    'mysql://h/d': /not understood/,
    ' postgres://h/d': /not understood/,
    'postgres://h/d#part': /not understood; .*%23/,
    'postgres://a,b/d': /several hosts/,
    'postgres://h:1,h:2/d': /port/,
    'postgres://h:0/d': /port/,
    'postgres://h:65536/d': /port/,
    'postgres://h:54x/d': /port/,
    'postgres://h h/d': /host/,
    'postgres://h/d?host=other': /another in \?host=/,
    'postgres:///d?host=relative/path': /folder of a socket/,
    'postgres://h/d%': /% in its database/,
    'postgres://u:%zz@h/d': /% in its password/,
    'postgres://h/d%00': /control character/,
    'postgres://h/d?sslmod=require': /parameter 'sslmod'; only these are known: schema, host/,
    'postgres://h/d?a%20b=1': /parameter of another name/,
    'postgres://h/d?schema=a&schema=b': /'schema' twice/,
    'postgres://h/d?schema=': /empty parameter 'schema'/,
    'postgres://h/d?schema': /empty parameter 'schema'/,
    'postgres://h/d?schema=Work': /schema 'Work'; it must have/,
    'postgres://h/d?schema=1a': /neither with a digit/,
    'postgres://h/d?schema=pg_x': /nor with pg_/,
    [`postgres://h/d?schema=${'a'.repeat(41)}`]: /1 to 40/,
    'postgres://h/d?sslmode=prefer': /it proves nothing; use disable, require/,
    'postgres://h/d?sslmode=on': /sslmode 'on' cannot be used/,
    'postgres://h/d?sslmode=verify-ca': /needs sslrootcert/,
    'postgres://h/d?sslmode=verify-full&sslrootcert=/none.pem': /'\/none.pem' cannot be read/,
    'postgres://h/d?sslmode=require&channel_binding=require': /takes sslmode=verify-full/,
    'postgres://h/d?channel_binding=yes': /other than disable, prefer, require/,
  };
  for (const [text, message] of Object.entries(cases)) {
    it(`when it is ${text}`, () => {
      const error = refusal(text);
      assert.equal(error.code, 'store.bad_path');
      assert.match(error.message, message);
    });
  }

  it('by name where the environment is what is wrong', () => {
    assert.match(refusal('postgres://h/d', { ...none, PGSSLMODE: 'maybe' }).message, /'maybe'/);
  });
});

describe('A1: a password is never shown', () => {
  it('by printing the address in any way', () => {
    const address = parse('postgres://app:s3cret@h/d');
    const printed = [inspect(address, { depth: 9 }), JSON.stringify(address), `${address.shown}`];
    for (const text of printed) assert.ok(!text.includes('s3cret'), text);
  });

  it('by a refusal, also where the password has what ends a host too early', () => {
    const passwords = [
      's3cret',
      's3cret#s',
      '12/s3cret',
      '12?s3cret=1',
      '12?a&s3cret',
      '%zzs3cret',
    ];
    for (const password of [
      ...passwords,
      '5432?schema=s3cret',
      's3cret/s:3',
      '[s3cret',
      '[:s3cret',
    ]) {
      for (const rest of ['@h/d?wrong=1', '@h:x/d', '@h/d#', '@h,h/d']) {
        const error = refusal(`postgres://app:${password}${rest}`);
        const text = inspect(error, { depth: 9, showHidden: true }).replace(/ {4}at .*/g, '');
        assert.ok(!text.includes('s3cret'), text);
      }
    }
    assert.ok(!refusal('postgres://app:s3cret').message.includes('s3cret'), 'no host at all');
  });
});
