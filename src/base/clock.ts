/** Time comes in as a function, so that decisions stay pure and tests need no waiting. */

/** Wall clock in epoch milliseconds. */
export type Now = () => number

export const systemNow: Now = () => Date.now()
