/** The limits of a provider; one that is left out does not exist. */
export interface ProviderLimits {
  /** Calls sent within any 60 seconds. */
  readonly requestsPerMinute?: number | undefined
  /** Calls in flight. */
  readonly requestsInFlight?: number | undefined
  /** Tokens, of prompts and answers together, of the calls sent within any 60 seconds. */
  readonly tokensPerMinute?: number | undefined
}
