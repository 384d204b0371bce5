/** The time limit of an operator's call, in milliseconds: an HTTP API of API Gateway waits for 30 s. */
export const callMs = 20_000
