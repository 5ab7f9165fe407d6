import { seedSuite } from './seed-suite.ts';

seedSuite(501, 500);
