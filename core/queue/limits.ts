/** What settling everything may take before a worker's deadline, in milliseconds. */
export const settleMs = 5_000
