import { defineFunction } from 'holdfast';

export const one = defineFunction({ name: 'desk.twin', run: () => 1 });
export const two = defineFunction({ name: 'desk.twin', version: '2', run: () => 2 });
