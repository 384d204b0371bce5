import type { Step } from '../../drizzle/schema.ts'

// The port between the worker, which runs the steps of a job, and the pipeline and the providers, which implement them.

/** A step's usage of its provider, over all its calls; tokens are null where the provider does not report them. */
export interface StepUsage {
  /** Calls that were answered; one if left out. */
  readonly calls?: number
  /** As the provider names it. */
  readonly model: string
  readonly inputTokens: number | null
  /** Included in the input. */
  readonly cachedTokens: number | null
  /** Thinking included. */
  readonly outputTokens: number | null
  /** Included in the output. */
  readonly thinkingTokens: number | null
  /** In nano-dollars; null where the price is not known. */
  readonly cost: number | null
  readonly milliseconds: number
}

/** A run's usage so far, and how many calls of each step were cut off and so may have been billed. */
export interface RunUsage {
  /** How long loading the image took, in milliseconds. */
  imageMs?: number
  analysis?: StepUsage
  content?: StepUsage
  possiblyBilled?: Partial<Record<Step, number>>
  /** What was invalid in the answer of the analysis, once the provider has been, or is to be, asked again. */
  answerIssue?: string
}

/** A step's output. */
export interface StepOutput {
  /** The model as the provider names it in its answer. */
  readonly model: string
  /** The prompt and its version, like `summary@2`. */
  readonly prompt?: string | undefined
  readonly body: unknown
  /** The findings in a text. */
  readonly findings?: unknown
}

/** Reports a call's usage, as soon as it is known. */
export interface CallMeter {
  /** The image was loaded, or loading failed: how long that took, in milliseconds. */
  imageLoaded(milliseconds: number): void
  /**
   * Awaited just before the call goes out; until it is answered it may have been billed.
   *
   * @throws Stopped if it must not go out, because there is no time or no permit
   */
  sent(): Promise<void>
  /** The provider answered: with its usage, or with a refusal that costs nothing. */
  answered(usage?: StepUsage): void
}

/** How a step reports its calls. */
export interface Meter extends CallMeter {
  /**
   * The paid answer was invalid. Ends its call, and returns whether there is a permit and time for another one in this run;
   * if not, a later run learns of the issue. So at most two invalid answers are paid for, even if the worker dies in
   * between.
   *
   * @param issue what was invalid, in our own words
   */
  again(issue: string): Promise<boolean>
  /** The second call failed, and the step continues without it: its outcome is still reported to all workers. */
  failed(error: unknown): void
}

export interface StepContext {
  /** Aborted when the run must stop: the step then rejects with its reason. */
  readonly signal: AbortSignal
  readonly meter: Meter
}
