/** What a million tokens cost, in US dollars. */
export interface Rates {
  /** Of the input that was not cached. */
  readonly input: number
  readonly cachedInput: number
  /** Thinking included: it is billed as output. */
  readonly output: number
}

/** What a model costs from a day on, until a later entry for it. */
export interface Price extends Rates {
  /** Its name; what merely versions the name is the same model: see `isVersionOf`. */
  readonly model: string
  /** The first day, UTC: `2026-11-24`. */
  readonly from: string
  /** Other rates at certain hours, UTC, from Monday to Friday: `[[1, 4]]` is from 01:00 until 04:00. */
  readonly peak?: (Rates & { readonly hours: readonly (readonly number[])[] }) | undefined
}

/** The tokens of a call as they are billed; null where they are not known. */
export interface Tokens {
  readonly inputTokens: number | null
  /** A part of the input. */
  readonly cachedTokens: number | null
  /** Thinking included. */
  readonly outputTokens: number | null
}

export interface Prices {
  /**
   * The cost of a call that ends now, in whole nano-dollars; null if its price or its usage is unknown.
   *
   * @param models the names that the model goes by; the first one that has a price counts
   */
  costOf(models: readonly string[], tokens: Tokens): number | null
}
