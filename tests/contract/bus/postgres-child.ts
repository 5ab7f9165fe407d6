/** The other process of the Postgres bus contract. The address comes by the environment. */
import { openPostgresBus } from '../../../src/bus/postgres/postgres-bus.ts';
import { silentLog } from '../../../src/ports/log.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { parsePostgresAddress } from '../../../src/system/postgres/address.ts';
import { systemRandom } from '../../../src/system/random.ts';
import { serve } from './far-child.ts';

const address = parsePostgresAddress(process.env.HOLDFAST_BUS_URL ?? '');
const [clock, random, schema] = [systemClock(), systemRandom(), address.schema ?? ''];
serve(await openPostgresBus({ address, schema, clock, random, log: silentLog }));
