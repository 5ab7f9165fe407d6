export const answer = 42;
export const nested = { deep: [] };
