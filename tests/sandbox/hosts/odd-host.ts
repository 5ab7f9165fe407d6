/**
 * A program in the place of one that hosts VMs: what it does is the source of each of its VMs. A
 * run ends with the id of this process, or says that the process is doomed, or says nothing.
 */
import type { HostOrder, HostWord } from '../../../src/sandbox/vm/process/host-wire.ts';

const stubborn = new Set<number>();
const say = (word: HostWord | null): void => void process.send?.(word);

process.on('message', ({ vm, order }: HostOrder) => {
  switch (order.order) {
    case 'open':
      if (order.setup.source === 'stubborn') stubborn.add(vm);
      say({ vm, word: { word: 'ready' } });
      return;
    case 'run':
      if (order.input === '"doom"') say({ host: 'doomed' });
      if (order.input === '"odd"') say(null);
      if (order.input !== '"wait"') {
        say({ vm, word: { word: 'done', call: order.call, text: String(process.pid) } });
      }
      return;
    case 'close':
      if (!stubborn.has(vm)) say({ vm, gone: null });
      return;
    case 'answer':
      return;
  }
});
process.on('disconnect', () => process.exit());
