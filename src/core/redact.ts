/**
 * Owns what is kept secret wherever the runtime writes words: logs, errors, what is sent. One word
 * stands in the place of a secret, everywhere.
 *
 * R1 A field whose name says that it holds a secret is replaced, however deep it stands and in
 *    whatever way its name is written (`apiKey`, `API_KEY`, `x-api-key`). Own names are added to
 *    the standard ones, and none of these can be taken away.
 * R2 In texts the credentials of URLs, of their queries and of `Authorization` headers are
 *    replaced, and our own access keys. Rather too much is replaced than too little.
 * R3 What cannot be written as JSON gives nothing; nothing here throws but for a name that is none.
 */

/** What stands in the place of a secret. */
const redactedWord = '[redacted]';

/** Endings of names of fields that hold secrets, without anything but letters and digits. */
const secretEndings = [
  ...['password', 'passwd', 'passphrase', 'pwd', 'secret', 'token', 'apikey', 'accesskey'],
  ...['privatekey', 'secretkey', 'signingkey', 'authorization', 'cookie', 'credential'],
  ...['credentials', 'sessionid', 'authkey'],
];

/** The name as it is compared (R1). */
const plainName = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');

const names = 'password|passwd|pwd|sslpassword|secret|client_secret|token|access_token|id_token';
const more = 'refresh_token|auth_token|api_?key|access_?key|signature|sig|private_?key';

/** R2, in texts where other words follow. */
const inTexts: readonly (readonly [RegExp, string])[] = [
  [/([a-z][a-z0-9+.-]{0,30}:\/\/[^\s/?#:@"'<>]*:)[^\s"'<>]*(?=@)/gi, `$1${redactedWord}`],
  [new RegExp(`((?:^|[?&;\\s])(?:${names}|${more})=)[^&\\s#"'<>]+`, 'gi'), `$1${redactedWord}`],
  [/\b([Bb]earer|[Bb]asic) +(?=\S*(?:\d|[a-z][A-Z]))[\w.~+/=-]{8,}/g, `$1 ${redactedWord}`],
  [/\bhf_([0-9a-f]{16})_[\w-]{43}/g, `hf_$1_${redactedWord}`],
];

/**
 * A text without the credentials that it quotes (R2).
 *
 * @example
 * withoutCredentials('cannot reach postgres://app:hunter2@db/jobs');
 * // => 'cannot reach postgres://app:[redacted]@db/jobs'
 */
export function withoutCredentials(text: string): string {
  let shown = text;
  for (const [pattern, instead] of inTexts) shown = shown.replace(pattern, instead);
  return shown;
}

/**
 * One whole word, such as an argument of a command: all of it up to the last `@` may be a password.
 */
export const wordWithoutCredentials = (word: string): string =>
  word
    .replace(/(:\/\/[^/?#:]*:).*(?=@)/, `$1${redactedWord}`)
    .replace(/([?&](?:password|sslpassword)=)[^&]*/g, `$1${redactedWord}`);

/** Writes fields as JSON without what is secret in them. */
export class Redactor {
  readonly #endings: readonly string[];
  readonly #paths: readonly string[];

  /** `own`: names of fields beside the standard ones, or paths of them such as `card.number`. */
  constructor(own: readonly string[] = []) {
    const paths = own.filter((name) => name.includes('.'));
    const plain = own.filter((name) => !name.includes('.')).map(plainName);
    this.#endings = [...secretEndings, ...plain];
    this.#paths = paths.map((path) => path.split('.').map(plainName).join('.'));
  }

  /** The JSON text, or undefined where there is none. Throws what `JSON.stringify` throws. */
  json(value: unknown): string | undefined {
    const places = new WeakMap<object, string>();
    const hides = (key: string, path: string): boolean => this.#hides(key, path);
    return JSON.stringify(value, function replace(this: unknown, key: string, part: unknown) {
      const above = typeof this === 'object' && this !== null ? (places.get(this) ?? '') : '';
      const listed = Array.isArray(this);
      const path = listed || key === '' ? above : `${above}.${plainName(key)}`;
      if (!listed && key !== '' && part !== null && hides(key, path)) return redactedWord;
      if (typeof part === 'string') return withoutCredentials(part);
      const shown = part instanceof Error ? wordsOf(part) : part;
      if (typeof shown === 'object' && shown !== null) places.set(shown, path);
      return shown;
    });
  }

  /** The same as a value; null where there is none (R3). */
  fields(value: unknown): Readonly<Record<string, unknown>> | null {
    try {
      const parsed: unknown = JSON.parse(this.json(value) ?? 'null');
      return typeof parsed === 'object' ? (parsed as Readonly<Record<string, unknown>>) : null;
    } catch {
      return { dropped: 'fields that cannot be written as JSON' };
    }
  }

  #hides(key: string, path: string): boolean {
    const name = plainName(key);
    if (this.#endings.some((ending) => name.endsWith(ending))) return true;
    return this.#paths.some((own) => path === `.${own}` || path.endsWith(`.${own}`));
  }
}

/** Without names of anybody's own. */
export const standardRedactor = new Redactor();

/** An error has no fields of its own in JSON. */
function wordsOf(error: Error): object {
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  return { name: error.name, message: error.message, ...code };
}
