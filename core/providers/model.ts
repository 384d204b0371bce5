import type { Step } from '../../drizzle/schema.ts'
import type { CallContext } from './call-provider.ts'
import type { CallErrorKind } from './kinds.ts'
import type { Prices } from './price.ts'
import type { RefusalRules } from './refusals.ts'

/** A step's request to a model, independent of the provider. */
export interface ModelRequest {
  /** The step, which the error codes are named after. */
  readonly step: Step
  /** The instructions: our own words only, with the form of the answer and an example. */
  readonly instructions: string
  /**
   * The material to work on. Everything that users, brands, images and models wrote is here, and none of it in the
   * instructions.
   */
  readonly input: string
  readonly image?: { readonly bytes: Uint8Array; readonly type: string }
  /** JSON Schema of the answer. An adapter whose provider cannot enforce a schema adds it to the instructions. */
  readonly schema: Readonly<Record<string, unknown>>
  /** The most tokens of the answer, without thinking. */
  readonly maxOutputTokens: number
  /** How the job's last run failed in this step, if it did: the next call should avoid the same failure. */
  readonly previous?: CallErrorKind | undefined
}

/** A complete answer of the model, unparsed. */
export interface ModelReply {
  /** As the provider names it. */
  readonly model: string
  readonly text: string
}

/** A provider's model behind the interface that the steps use. */
export interface Model {
  /**
   * Makes one paid call.
   *
   * @throws VisionError `<step>.<kind>`: blocked, rejected, blank_answer, cut_off, recited, timed_out, unavailable, rate_limited,
   *   insufficient_balance, misconfigured, …; or the signal's reason
   */
  ask(request: ModelRequest, context: CallContext): Promise<ModelReply>
}

/** The options of every adapter. */
export interface ModelOptions {
  readonly apiKey: string
  readonly baseUrl: string
  readonly model: string
  readonly prices: Prices
  /** How refusals are classified: see the provider's entry. */
  readonly rules: RefusalRules
  /** The time limit of a whole call, in milliseconds. */
  readonly timeoutMs: number
  /** Milliseconds since the epoch. */
  readonly now: () => number
}
