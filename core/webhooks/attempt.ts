/** Why an attempt failed, as it is stored, with the message for its owner. */
export const attemptErrors = {
  timed_out: 'There was no answer within 15 seconds.',
  unknown_host: 'The host name of the URL does not exist, or has no address.',
  forbidden_address: 'The URL leads to an address that is not public.',
  untrusted_server: 'The server has no valid certificate.',
  unreachable: 'The server could not be reached, or ended the connection without an answer.',
  invalid_response: 'The server answered with something that is no HTTP.',
  redirected: 'The server answered with a redirect, and none is followed: change the URL of the webhook.',
  gone: 'The server answered 410, so the webhook was disabled.',
  status: 'The server answered with another status than 200 to 299.',
  expired: 'It could not be delivered within three days.',
  too_many: 'More than 10,000 deliveries waited for this webhook: the oldest were given up.',
} as const
export type AttemptError = keyof typeof attemptErrors

/** What came of an attempt. */
export interface Attempt {
  /** Undefined: it was delivered. */
  readonly error?: AttemptError | undefined
  /** Of the answer, if there was one, with its first bytes. */
  readonly answer?: { readonly status: number; readonly text: string } | undefined
  /** What the answer asked for by `Retry-After`, in milliseconds. */
  readonly retryAfterMs?: number | undefined
}
