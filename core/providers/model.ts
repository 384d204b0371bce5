import type { Step } from '../../drizzle/schema.ts'
import type { CallContext } from './call.ts'
import type { CallErrorKind } from './kinds.ts'
import type { Prices } from './price.ts'
import type { RefusalRules } from './refusals.ts'

/** What a step asks of a model, in no provider's terms. */
export interface ModelRequest {
  /** The step that asks: the codes of errors are named by it. */
  readonly step: Step
  /** What the model is to do: our own words alone, the form of the answer and an example of it included. */
  readonly instructions: string
  /** The material to work on. All that users, brands, images and models wrote stands here, and none of it in the instructions. */
  readonly input: string
  readonly image?: { readonly bytes: Uint8Array; readonly type: string }
  /** JSON Schema of the answer. An adapter whose provider cannot enforce a schema adds it to the instructions. */
  readonly schema: Readonly<Record<string, unknown>>
  /** The most tokens of the answer, without thinking. */
  readonly maxOutputTokens: number
  /** How the job's last run failed in this step, if it did: the next call should not fail the same way. */
  readonly previous?: CallErrorKind | undefined
}

/** A complete answer as the model gave it, unread. */
export interface ModelReply {
  /** As the provider names it. */
  readonly model: string
  readonly text: string
}

/** A provider's model behind the one interface that steps know. */
export interface Model {
  /**
   * One paid call.
   *
   * @throws VisionError `<step>.<kind>`: blocked, rejected, blank_answer, cut_off, recited, timed_out, unavailable, rate_limited,
   *   insufficient_balance, misconfigured, …; or the signal's reason
   */
  ask(request: ModelRequest, context: CallContext): Promise<ModelReply>
}

/** What every adapter is made from. */
export interface ModelOptions {
  readonly apiKey: string
  readonly baseUrl: string
  readonly model: string
  readonly prices: Prices
  /** What refusals mean: as the provider's entry has them. */
  readonly rules: RefusalRules
  /** For a whole call, in milliseconds. */
  readonly timeoutMs: number
  /** Milliseconds since the epoch. */
  readonly now: () => number
}
