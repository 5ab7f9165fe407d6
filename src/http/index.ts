/**
 * The public interface of `holdfast/http`: a runtime served over HTTP.
 */
export type { HttpOptions } from './options.ts';
export type { HttpServer } from './server.ts';
/** Serves a runtime: `await serveHttp(hf, { port: 7400 })`. */
export { serveHttp } from './server.ts';
