import type { Step } from '../../drizzle/schema.ts'

// The port between the worker, which runs the steps of a job, and the pipeline and the providers, which implement them.

/** What one step used of its provider, in all its calls; tokens are null where the provider does not say. */
export interface StepUsage {
  /** Calls that were answered; one if not given. */
  readonly calls?: number
  /** As the provider names it. */
  readonly model: string
  readonly inputTokens: number | null
  /** A part of the input. */
  readonly cachedTokens: number | null
  /** Thinking included. */
  readonly outputTokens: number | null
  /** A part of the output. */
  readonly thinkingTokens: number | null
  /** In nano-dollars; null where the price is not known. */
  readonly cost: number | null
  readonly milliseconds: number
}

/** What a run has used so far, and how many calls of each step were cut off, so that they may have been billed all the same. */
export interface RunUsage {
  /** How long bringing the image took, in milliseconds. */
  imageMs?: number
  analysis?: StepUsage
  content?: StepUsage
  possiblyBilled?: Partial<Record<Step, number>>
  /** What did not fit in the answer of the analysis, once the provider was asked again or is to be. */
  answerIssue?: string
}

/** What a step made. */
export interface StepOutput {
  /** The model as the provider names it in its answer. */
  readonly model: string
  /** The instructions that asked for it, with their version, like `summary@2`. */
  readonly prompt?: string | undefined
  readonly body: unknown
  /** What was found in a text. */
  readonly findings?: unknown
}

/** How a call reports its usage, as soon as it is known. */
export interface CallMeter {
  /** The image was brought, or was not: how long that took, in milliseconds. */
  imageLoaded(milliseconds: number): void
  /**
   * To be awaited at the last moment before the call goes out; until it is answered it may have been billed.
   *
   * @throws Stopped if it must not go out, for want of time or of a permit
   */
  sent(): Promise<void>
  /** The provider answered: with its usage, or with a refusal that costs nothing. */
  answered(usage?: StepUsage): void
}

/** How a step reports its calls. */
export interface Meter extends CallMeter {
  /**
   * The paid answer did not fit. Ends its call, and says whether there is a permit and time for one more in this run; if not,
   * a later run is told of the issue. Paid answers that do not fit are thus two at most, also where the worker dies in between.
   *
   * @param issue what did not fit, in our own words
   */
  again(issue: string): Promise<boolean>
  /** The second call failed, and the step does without its answer: its outcome is reported to all workers all the same. */
  failed(error: unknown): void
}

export interface StepContext {
  /** Aborted when the run must stop: the step then rejects with its reason. */
  readonly signal: AbortSignal
  readonly meter: Meter
}
