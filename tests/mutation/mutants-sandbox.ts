/**
 * Owns the guards of scripts and pools that the mutation gate takes out. The rules of `mutants.ts`
 * hold.
 */
import type { Mutant } from './mutants.ts';

const pool = 'src/sandbox/pool/pool.ts';
const remote = 'src/sandbox/vm/remote-vm.ts';
const bootstrap = 'src/sandbox/vm/js/bootstrap.ts';
const call = 'src/sandbox/vm/js/js-call.ts';
const prelude = 'src/sandbox/vm/lua/prelude.ts';
const memory = 'src/sandbox/vm/lua/lua-memory.ts';
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
    from: "if (running === null || !('call' in word) || word.call !== running.id) return;",
    to: "if (running === null || !('call' in word) || word.call > running.id) return;",
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
    from: 'const nowOptions = freeze({ __proto__: null });',
    to: 'const nowOptions = {};',
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
    file: memory,
    from: 'this.#listener.full();',
    to: '',
  },
  {
    name: 'sandbox: a limit is told at once',
    guards: 'a script that catches the error is over its limit all the same',
    file: machine,
    from: 'this.#over(kind);',
    to: '',
  },
  {
    name: 'sandbox: finalizers within the limits',
    guards: 'the limits hold until nothing of a call executes any more',
    file: machine,
    from: '      // M5\n',
    to: '      this.#current = null;\n',
  },
  {
    name: 'sandbox: time behind an await',
    guards: 'a loop behind a grant is stopped like any other, with its line',
    file: call,
    from: 'turn.apply(undefined, [undefined, texts], { timeout, result }),',
    to: 'turn.apply(undefined, [undefined, texts], { result }),',
  },
  {
    name: 'sandbox: a VM is gone when its code has stopped',
    guards: 'code that nothing interrupts is ended with its process',
    file: 'src/sandbox/vm/js/js-process.ts',
    from: 'await isolates.get(vm)?.dispose();',
    to: 'void isolates.get(vm)?.dispose();',
  },
  {
    name: 'sandbox: a process in doubt',
    guards: 'nothing begins in a process that is about to be ended',
    file: 'src/sandbox/vm/process/vm-hosts.ts',
    from: '      this.#doom();\n    });',
    to: '    });',
  },
  {
    name: 'sandbox: form of words',
    guards: 'what a broken VM says does not break the runtime',
    file: remote,
    from: 'if (!isVmWord(word)) {',
    to: 'if (word === undefined) {',
  },
  {
    name: 'sandbox: signals for all',
    guards: 'a drain can wait for scripts',
    file: 'src/sandbox/vm/process/host-program.ts',
    from: 'process.on(signal, () => {});',
    to: 'void signal;',
  },
];

/** They stand in code that executes scripts. */
export const sandboxMutants: readonly Mutant[] = guards.map(
  (one): Mutant => ({ ...one, stage: 'sandbox' }),
);
