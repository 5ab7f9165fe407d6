/**
 * Owns what stands around a JavaScript script inside its VM: JSON in and out, `emit` and `grants`,
 * and what is taken out of the language.
 *
 * B1 It is executed before the script, in a realm of its own for each call, and keeps in variables
 *    what it needs later: nothing that a script changes changes it. Its bounds are read before any
 *    code of the script has had a turn.
 * B2 No object of the host gets to the script: functions of the host are called by functions made
 *    here, with texts, and give texts.
 * B3 Taken out is what would go on after the call has ended, or executes what no limit counts:
 *    WebAssembly, shared memory and waiting on it, finalizers.
 * B4 Asks wait here until a few others are answered: a script that asks a thousand times at once
 *    fills its own memory, not that of the host.
 */

/**
 * Gives `start(input, names, bounds, emitted, over, asked, ended, ask)`, which gives `turn`: with
 * the function of the script it begins; with answers (a JSON array) it hands them over. What the
 * script says at its end goes to `ended`.
 */
export const jsBootstrap = `(function () {
  'use strict';
  const { parse, stringify } = JSON;
  const { apply, defineProperty } = Reflect;
  const { create, freeze } = Object;
  const { slice } = String.prototype;
  const PlainError = Error;
  const PlainPromise = Promise;
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
  return function start(input, names, bounds, emitted, over, asked, ended, ask) {
    const most = parse(bounds);
    const nowOptions = freeze({ __proto__: null });
    const askNow = ask === undefined ? null : ask.applySyncPromise;
    const pending = create(null), queue = create(null);
    let values = 0, chars = 0, asks = 0, open = 0, head = 0, tail = 0, stopped = false;
    const stop = (limit) => {
      const first = !stopped;
      stopped = true;
      if (first) over(limit, read(new PlainError(limit), 'stack'));
      throw new PlainError('over its limit: ' + limit);
    };
    const emit = (value) => {
      if (stopped) stop('');
      const json = jsonOf(value);
      values += 1;
      chars += json.length;
      if (values > most.values) stop('outputValues');
      if (chars > most.chars) stop('outputBytes');
      emitted(json);
    };
    const opened = (answer) => {
      if (answer.ok) return answer.value;
      throw new PlainError(answer.message);
    };
    const argsOf = (name, args) => {
      if (stopped) stop('');
      asks += 1;
      if (asks > most.asks) stop('grantCalls');
      const json = jsonOf(args);
      if (json.length <= most.askChars) return json;
      const rule = json.length + ' bytes, and ' + most.askChars + ' are allowed';
      throw new PlainError("the arguments of grant '" + name + "' have " + rule);
    };
    const send = () => {
      while (head < tail && open < most.open) {
        const { id, name, json } = queue[head];
        delete queue[head];
        head += 1;
        open += 1;
        asked(id, name, json);
      }
    };
    const askLater = async (name, args) => {
      const json = argsOf(name, args);
      const answer = new PlainPromise((resolve) => {
        pending[tail] = resolve;
        queue[tail] = { __proto__: null, id: tail, name, json };
        tail += 1;
      });
      send();
      return opened(await answer);
    };
    const grants = create(null);
    const list = parse(names);
    for (let at = 0; at < list.length; at += 1) {
      const { name, sync } = list[at];
      const call = sync
        ? (...args) =>
            opened(parse(apply(askNow, ask, [undefined, [name, argsOf(name, args)], nowOptions])))
        : (...args) => askLater(name, args);
      defineProperty(grants, name, { __proto__: null, enumerable: true, value: call });
    }
    freeze(grants);
    const given = parse(input);
    const finish = async (main) => {
      let result;
      try { result = await main(given, emit, grants); }
      catch (error) {
        ended(stringify({ __proto__: null, ok: false, fault: told(error) }));
        return;
      }
      let made = null;
      try { if (result !== undefined) made = jsonOf(result); }
      catch (error) {
        const fault = unreadable(error, 'its result cannot be JSON');
        ended(stringify({ __proto__: null, ok: false, fault }));
        return;
      }
      if (made !== null && chars + made.length > most.chars) {
        if (!stopped) over('outputBytes', null);
      } else ended(stringify({ __proto__: null, ok: true, text: made }));
    };
    const answer = (texts) => {
      const all = parse(texts);
      for (let at = 0; at < all.length; at += 1) {
        const { id, ok, value, message } = all[at];
        const resolve = pending[id];
        delete pending[id];
        open -= 1;
        // Without a prototype: nothing that a script plants makes a promise of it.
        if (resolve !== undefined) resolve({ __proto__: null, ok, value, message });
      }
      send();
    };
    return function turn(main, texts) {
      if (texts === undefined) finish(main);
      else answer(texts);
    };
  };
})()`;

/** Behind it stands the script, so that its first line is line 1; before it, this many columns. */
export const scriptOpening = '(async function (input, emit, grants) {';
export const scriptEnding = '\n})';
