/** The public interface of `holdfast/stdio`: functions, served to an agent on two streams. */
export type { StdioOptions, StdioServer } from './serve-stdio.ts';
export { serveStdio } from './serve-stdio.ts';
export type { StdioCounters, StdioEnd } from './session.ts';
