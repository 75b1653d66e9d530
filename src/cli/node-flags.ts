/**
 * How node is started for a server. Nearly everything that a request leaves behind is garbage at
 * once; the place for that grows to 64 MB by itself, and a quarter of it is as quick (bench/road.ts).
 */
export const NODE_FLAGS: readonly string[] = ['--max-semi-space-size=8']
