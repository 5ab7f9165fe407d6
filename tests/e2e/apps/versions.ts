import { defineFunction } from 'holdfast';

const first = defineFunction({ name: 'desk.twin', version: '1', run: () => 1 });
const other = defineFunction({ name: 'desk.other', run: () => 0 });

/** By its name, too: it counts once, in the place that it has in the array. */
export const current = defineFunction({ name: 'desk.twin', version: '10', run: () => 10 });

export const twins = [defineFunction({ name: 'desk.twin', version: '9', run: () => 9 }), first];

export const versions = [...twins, other, current];
