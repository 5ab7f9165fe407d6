/**
 * Owns the guards of scripts and pools that the mutation gate takes out. The rules of `mutants.ts`
 * hold.
 */
import type { Mutant } from './mutants.ts';

const pool = 'src/sandbox/pool/pool.ts';
const remote = 'src/sandbox/vm/remote-vm.ts';
const bootstrap = 'src/sandbox/vm/js/bootstrap.ts';
const prelude = 'src/sandbox/vm/lua/prelude.ts';
const machine = 'src/sandbox/vm/lua/lua-machine.ts';

const guards: readonly Omit<Mutant, 'stage'>[] = [
  {
    name: 'sandbox: a VM has one tenant',
    guards: 'tenants never share a VM',
    file: pool,
    from: 'this.#idle.findLastIndex((held) => held.tenant === tenant);',
    to: 'this.#idle.findLastIndex((held) => held.tenant !== null || tenant !== null);',
  },
  {
    name: 'sandbox: only clean VMs come back',
    guards: 'a cancelled or poisoned VM is never used again',
    file: pool,
    from: 'if (held.vm.alive && !this.#closed && !tooMany)',
    to: 'if (!this.#closed && !tooMany)',
  },
  {
    name: 'sandbox: a stopped VM is not clean',
    guards: 'a cancelled or poisoned VM is never used again',
    file: remote,
    from: 'if (!word.clean || running.open > 0) this.#kill();',
    to: 'if (running.open > 0) this.#kill();',
  },
  {
    name: 'sandbox: values counted by the host',
    guards: 'G6: output is bounded whatever the VM says',
    file: remote,
    from: "if (running.values > outputValues) this.#over(running, 'outputValues');",
    to: "if (running.values > outputValues * 1_000) this.#over(running, 'outputValues');",
  },
  {
    name: 'sandbox: words of earlier calls',
    guards: 'one call, one end',
    file: remote,
    from: 'word.call !== running.id) return;',
    to: 'word.call > running.id) return;',
  },
  {
    name: 'sandbox: what is taken out of JavaScript',
    guards: 'nothing of a call goes on after its end',
    file: bootstrap,
    from: 'for (const name of out) delete globalThis[name];',
    to: '',
  },
  {
    name: 'sandbox: options of the bridge',
    guards: 'a script cannot change how values cross',
    file: bootstrap,
    from: 'const laterOptions = freeze({ __proto__: null, result: later });',
    to: 'const laterOptions = { result: { promise: true, copy: true } };',
  },
  {
    name: 'sandbox: bytecode',
    guards: 'a script cannot load what breaks the machine',
    file: prelude,
    from: "return load0(chunk, name or '=load', 't', globals)",
    to: "return load0(chunk, name or '=load', 'bt', globals)",
  },
  {
    name: 'sandbox: what is taken out of Lua',
    guards: 'a script has no I/O',
    file: prelude,
    from: 'globals[name] = nil',
    to: '',
  },
  {
    name: 'sandbox: memory that was refused',
    guards: 'a script that catches the error is over its limit all the same',
    file: machine,
    from: 'memory.met = true;',
    to: '',
  },
  {
    name: 'sandbox: a limit is told at once',
    guards: 'a script that catches the error is over its limit all the same',
    file: machine,
    from: 'if (!end.ok) this.#around?.over(end.fault);',
    to: '',
  },
];

/** They stand in code that executes scripts. */
export const sandboxMutants: readonly Mutant[] = guards.map(
  (one): Mutant => ({ ...one, stage: 'sandbox' }),
);
