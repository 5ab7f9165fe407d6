/** What the plugin of the benchmark serves. */
import { defineFunction } from 'holdfast';

export const noop = defineFunction({ name: 'noop', run: (words: readonly string[]) => words });
