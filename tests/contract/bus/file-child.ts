/** The other process of the file bus contract. */
import { fileBus } from '../../../src/bus/file/file-bus.ts';
import { silentLog } from '../../../src/ports/log.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { systemRandom } from '../../../src/system/random.ts';
import { serve } from './far-child.ts';

const folder = process.argv[2] ?? '';
serve(fileBus({ folder, clock: systemClock(), random: systemRandom(), log: silentLog }));
