/** What a million tokens cost, in US dollars. */
export interface Rates {
  /** For input that was not cached. */
  readonly input: number
  readonly cachedInput: number
  /** Thinking included: it is billed as output. */
  readonly output: number
}

/** The price of a model from a day on, until a later entry. */
export interface Price extends Rates {
  /** Its name; a name with another version suffix is the same model: see `isVersionOf`. */
  readonly model: string
  /** The first day, UTC: `2026-11-24`. */
  readonly from: string
  /** Different prices at certain hours (UTC), Monday to Friday: `[[1, 4]]` is from 01:00 until 04:00. */
  readonly peak?: (Rates & { readonly hours: readonly (readonly number[])[] }) | undefined
}

/** The billed tokens of a call; null where unknown. */
export interface Tokens {
  readonly inputTokens: number | null
  /** Included in the input. */
  readonly cachedTokens: number | null
  /** Thinking included. */
  readonly outputTokens: number | null
}

export interface Prices {
  /**
   * The cost of a call that ends now, in whole nano-dollars; null if its price or its usage is unknown.
   *
   * @param models the names of the model; the first one with a price counts
   */
  costOf(models: readonly string[], tokens: Tokens): number | null
}
