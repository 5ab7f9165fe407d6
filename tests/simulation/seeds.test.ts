import { seedSuite } from './seed-suite.ts';

seedSuite(1, 250);
