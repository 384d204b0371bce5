/** The time reserved for settling all runs before a worker's deadline, in milliseconds. */
export const settleMs = 5_000
