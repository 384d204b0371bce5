/** Limits that the code sets for each session, and a deployment's proxy in advance: both must agree. */

/**
 * The idle time after which the server ends a session, in seconds: the session of a client that died holds its row locks no
 * longer. It can be short, since connections that are closed this way are replaced transparently.
 */
export const sessionIdleSeconds = 15

/**
 * The time limit of one use of a connection, in milliseconds: ample for the longest transaction, and short enough for a
 * worker's deadline. The server ends a statement that takes longer.
 */
export const workMs = 20_000

/** The lock wait timeout, in seconds: half of that limit, which leaves time for a second try. */
export const lockWaitSeconds = 10
