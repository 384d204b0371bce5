/** Limits that the code sets for each session, and that a deployment's proxy sets beforehand: both must agree. */

/**
 * After so many seconds without a word the server ends a session: a client that died without a word holds its rows no
 * longer. It can be short, since a connection that was closed so is replaced without anybody noticing.
 */
export const sessionIdleSeconds = 15

/**
 * One piece of work on a connection may take so long, in milliseconds: ample for the longest transaction, and short enough
 * for a worker's deadline. The server ends a statement that takes longer.
 */
export const workMs = 20_000

/** How long a statement waits for a row lock, in seconds: half of the work's time, which leaves time for a second try. */
export const lockWaitSeconds = 10
