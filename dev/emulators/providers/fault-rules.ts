import * as z from 'zod'

export const providers = ['gemini', 'deepseek'] as const
export type Provider = (typeof providers)[number]

/** The faults; each provider's answers define how they look on the wire. */
export const faultKinds = [
  'latency',
  'rate_limited',
  'unavailable',
  'malformed',
  'blank',
  'blocked',
  'truncated',
  'hang',
  'unauthorized',
  'insufficient_balance',
  'unknown_model',
  'network_cut',
] as const
export type FaultKind = (typeof faultKinds)[number]

/** One request to an emulated provider, as a fault may choose by it and the call log keeps it. */
export interface EmulatedRequest {
  readonly provider: Provider
  readonly model: string
  /** All text of the prompt. */
  readonly text: string
  /** The stated purpose of the image, where the prompt names one. */
  readonly purpose?: string | undefined
  /** SHA-256 (hex) of the first image's bytes. */
  readonly imageSha256?: string | undefined
  /** SHA-256 (hex) of the analysis in the prompt, as written there. */
  readonly analysisSha256?: string | undefined
  /** The header of that name: which trace the call belongs to. */
  readonly traceparent?: string | undefined
}

/** A fault as it is set over HTTP; a program may also choose the requests by a predicate. */
export const FaultInput = z.strictObject({
  provider: z.enum(providers),
  kind: z.enum(faultKinds),
  /** How often it happens; left out it happens once, or without end where a `rate` is given. */
  times: z.union([z.int().min(1), z.literal('unlimited')]).optional(),
  /** The part of the matching requests that it happens to, 0 to 1. */
  rate: z.number().min(0).max(1).optional(),
  /** What the request waits before the fault, or before its answer where the fault is the latency itself. */
  latencyMs: z.int().min(0).max(3_600_000).optional(),
  /** What the provider says to wait after `rate_limited` (7 if not given) or `unavailable`; null: it says nothing. */
  retryAfterSeconds: z.number().min(0).nullable().optional(),
  /** Only requests whose prompt contains this text. */
  match: z.string().min(1).optional(),
  /** `blocked`: the prompt is refused (as by default), or the answer is withheld. */
  blockedAt: z.enum(['prompt', 'answer']).optional(),
  /** `malformed`: the model writes prose (as by default) or JSON that does not fit, or the body is no JSON at all. */
  malformedAs: z.enum(['prose', 'misfit', 'body']).optional(),
})

/** A fault to add; `times` may be Infinity. */
export interface FaultRule extends Omit<z.input<typeof FaultInput>, 'times' | 'match'> {
  readonly times?: number | 'unlimited' | undefined
  readonly match?: string | ((request: EmulatedRequest) => boolean) | undefined
}
