import * as z from 'zod'
import { type ErrorCode, reasonOf, VisionError } from '../errors.ts'

/** What a provider says that a call took. */
export interface Usage {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly milliseconds: number
}

/** How a call tells what it takes, as soon as it knows. */
export interface Meter {
  /** To be awaited at the last moment before the call goes out; throws if it must not go out any more. */
  sent(): Promise<void>
  answered(usage?: Usage): void
}

export interface CallContext {
  /** Aborted when the call must stop; its reason is what the call then rejects with. */
  readonly signal: AbortSignal
  readonly meter: Meter
  /** Says which trace the call belongs to (https://www.w3.org/TR/trace-context/). */
  readonly traceparent?: string | undefined
}

/** An answer that fits, and the model that gave it, as the provider names it. */
export interface Answer<T> {
  readonly model: string
  readonly body: T
}

/**
 * Calls a provider under one total time limit, around everything: the connection, the wait and the reading. The SDKs'
 * own limits each leave a part out.
 *
 * @param timedOut the code of the error when the limit passes
 * @param translate makes an error of ours of what the SDK throws
 */
export async function callProvider<T>(
  call: (signal: AbortSignal) => Promise<T>,
  { signal, meter }: CallContext,
  options: {
    readonly timeoutMs: number
    readonly timedOut: ErrorCode
    readonly translate: (error: unknown) => VisionError
  },
): Promise<T> {
  signal.throwIfAborted()
  await meter.sent()
  const limit = new AbortController()
  const timer = setTimeout(() => limit.abort(), options.timeoutMs)
  try {
    return await call(AbortSignal.any([signal, limit.signal]))
  } catch (error) {
    if (signal.aborted) throw signal.reason
    if (limit.signal.aborted) throw new VisionError(options.timedOut, { cause: error })
    throw options.translate(error)
  } finally {
    clearTimeout(timer)
  }
}

/** The headers that go along with a call. */
export function headersOf({ traceparent }: CallContext): Record<string, string> {
  return traceparent === undefined ? {} : { traceparent }
}

/**
 * The answer's text as the JSON that was asked for.
 *
 * @throws VisionError with the given code, and in its detail where the answer does not fit
 */
export function parseAnswer<Schema extends z.ZodType>(text: string, schema: Schema, code: ErrorCode): z.output<Schema> {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new VisionError(code, { detail: `not JSON, ${text.length} characters` })
  }
  const result = schema.safeParse(json)
  if (!result.success) throw new VisionError(code, { detail: z.prettifyError(result.error).slice(0, 1000) })
  return result.data
}

/** What went wrong, without whatever in it could be a key: providers quote the key that they refuse. */
export function detailOf(error: unknown, secret: string): string {
  return reasonOf(error, (text) => text.replaceAll(secret, '[secret]'))
}

/** A text of the user's, so that it cannot end the tag that the prompt puts around it and pass for our own words. */
export function quoted(text: string): string {
  return text.replaceAll('<', '&lt;')
}
