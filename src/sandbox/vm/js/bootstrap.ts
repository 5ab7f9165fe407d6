/**
 * Owns what stands around a JavaScript script inside its VM: JSON in and out, `emit` and `grants`,
 * and what is taken out of the language.
 *
 * B1 It is executed before the script, in a realm of its own for each call, and keeps in variables
 *    what it needs later: nothing that a script changes changes it.
 * B2 No object of the host gets to the script: functions of the host are called by functions made
 *    here, with texts, and give texts.
 * B3 Taken out is what would go on after the call has ended, or executes what no limit counts:
 *    WebAssembly, shared memory and waiting on it, finalizers.
 */

/** Gives `start`; see `JsIsolate` for how it is called. */
export const jsBootstrap = `(function () {
  'use strict';
  const { parse, stringify } = JSON;
  const { apply, defineProperty } = Reflect;
  const { create, freeze } = Object;
  const { slice } = String.prototype;
  const PlainError = Error;
  const text = String;
  const out = ['WebAssembly', 'SharedArrayBuffer', 'Atomics', 'FinalizationRegistry', 'WeakRef'];
  for (const name of out) delete globalThis[name];
  delete globalThis.console;
  const cut = (value) => apply(slice, text(value), [0, 4096]);
  const read = (value, key) => {
    try { const got = value[key]; return typeof got === 'string' ? cut(got) : null; }
    catch { return null; }
  };
  const told = (thrown) => {
    const fault = create(null);
    try {
      if (typeof thrown === 'object' && thrown !== null) {
        fault.name = read(thrown, 'name');
        fault.message = read(thrown, 'message');
        fault.stack = read(thrown, 'stack');
        if (fault.message === null) {
          fault.name = null;
          fault.message = 'an object without a message';
        }
      } else if (typeof thrown === 'function') fault.message = 'a function';
      else fault.message = typeof thrown === 'string' ? cut(thrown) : cut(text(thrown));
    } catch { fault.message = 'a value that cannot be read'; }
    return fault;
  };
  const unreadable = (error, what) => {
    const fault = told(error);
    fault.unreadable = true;
    fault.message = what + ': ' + fault.message;
    return fault;
  };
  const jsonOf = (value) => {
    const json = stringify(value);
    return json === undefined ? 'null' : json;
  };
  return function start(main, input, names, limits, began, emitted, over, ask) {
    const [valuesMax, charsMax, asksMax] = parse(limits);
    const nowOptions = freeze({ __proto__: null });
    const later = freeze({ __proto__: null, promise: true, copy: true });
    const laterOptions = freeze({ __proto__: null, result: later });
    const askLater = ask === undefined ? null : ask.apply;
    const askNow = ask === undefined ? null : ask.applySyncPromise;
    let values = 0, chars = 0, asks = 0, stopped = false;
    const stop = (limit) => {
      if (!stopped) over(limit);
      stopped = true;
      throw new PlainError('over its limit: ' + limit);
    };
    const emit = (value) => {
      if (stopped) stop('');
      const json = jsonOf(value);
      values += 1;
      chars += json.length;
      if (values > valuesMax) stop('outputValues');
      if (chars > charsMax) stop('outputBytes');
      emitted(json);
    };
    const opened = (answer) => {
      const end = parse(answer);
      if (end.ok) return end.value;
      throw new PlainError(end.message);
    };
    const argsOf = (args) => {
      if (stopped) stop('');
      asks += 1;
      if (asks > asksMax) stop('grantCalls');
      return jsonOf(args);
    };
    const grants = create(null);
    for (const { name, sync } of parse(names)) {
      const call = sync
        ? (...args) => opened(apply(askNow, ask, [undefined, [name, argsOf(args)], nowOptions]))
        : async (...args) =>
            opened(await apply(askLater, ask, [undefined, [name, argsOf(args)], laterOptions]));
      defineProperty(grants, name, { __proto__: null, enumerable: true, value: call });
    }
    freeze(grants);
    const given = parse(input);
    const finish = async () => {
      let result;
      try { result = await main(given, emit, grants); }
      catch (error) { return stringify({ __proto__: null, ok: false, fault: told(error) }); }
      if (result === undefined) return '{"ok":true,"text":null}';
      let made;
      try { made = jsonOf(result); }
      catch (error) {
        const fault = unreadable(error, 'its result cannot be JSON');
        return stringify({ __proto__: null, ok: false, fault });
      }
      if (chars + made.length > charsMax) { try { stop('outputBytes'); } catch {} }
      return stringify({ __proto__: null, ok: true, text: made });
    };
    began();
    return finish();
  };
})()`;

/** Behind it stands the script, so that its first line is line 1; before it, this many columns. */
export const scriptOpening = '(async function (input, emit, grants) {';
export const scriptEnding = '\n})';
