import { type GenerateContentResponse, GoogleGenerativeAI, GoogleGenerativeAIFetchError } from '@google/generative-ai'
import * as z from 'zod'
import { type ErrorCode, VisionError } from '../errors.ts'
import { BrandAnalysis } from './analysis.ts'
import { type Answer, type CallContext, callProvider, detailOf, headersOf, parseAnswer, quoted } from './call.ts'

export interface GeminiOptions {
  readonly apiKey: string
  /** Where the API is, without `/v1beta`. */
  readonly baseUrl: string
  readonly model: string
  /** For a whole call, in milliseconds. */
  readonly timeoutMs: number
}

/** An image and what its description is for. */
export interface DescribeRequest {
  readonly image: { readonly bytes: Uint8Array; readonly type: string }
  readonly purpose: string
  /** A BCP 47 tag. */
  readonly language: string
}

/** The first step: what the image shows. */
export interface Gemini {
  /**
   * @throws VisionError `gemini.*`, or the signal's reason
   */
  describe(request: DescribeRequest, context: CallContext): Promise<Answer<BrandAnalysis>>
}

const { $schema: _, ...analysisSchema } = z.toJSONSchema(BrandAnalysis, { io: 'input' })

const instructions = `You are a brand analyst. Describe the image for the purpose given, as a brand team would need it.
Report only what is visible; where something cannot be told, say so. Colours are #rrggbb in lower case with their share of
the image area. Keep every sentence under 300 characters and every name under 100. Quote text exactly as it is written.`

/** Gemini over `@google/generative-ai`, an archived SDK whose every sharp edge is filed off here. */
export function createGemini({ apiKey, baseUrl, model, timeoutMs }: GeminiOptions): Gemini {
  const sdk = new GoogleGenerativeAI(apiKey)
  const generative = sdk.getGenerativeModel(
    {
      model,
      systemInstruction: instructions,
      generationConfig: {
        responseMimeType: 'application/json',
        temperature: 0.2,
        maxOutputTokens: 8192,
        // The API takes JSON Schema; the types of this SDK version do not know it yet.
        ...({ responseJsonSchema: analysisSchema } as object),
      },
    },
    { baseUrl: baseUrl.replace(/\/+$/, ''), apiVersion: 'v1beta' },
  )
  return {
    describe: async ({ image, purpose, language }, context) => {
      const started = performance.now()
      const { response } = await callProvider(
        (signal) =>
          generative.generateContent(
            [
              { inlineData: { mimeType: image.type, data: Buffer.from(image.bytes).toString('base64') } },
              { text: `<purpose>${quoted(purpose)}</purpose>\n<language>${language}</language>` },
            ],
            { signal, customHeaders: headersOf(context) },
          ),
        context,
        {
          timeoutMs,
          timedOut: 'gemini.timed_out',
          translate: (error) => {
            // An HTTP error is an answer, and one that costs nothing.
            if (error instanceof GoogleGenerativeAIFetchError) context.meter.answered()
            return asGeminiError(error, apiKey)
          },
        },
      )
      context.meter.answered({
        inputTokens: response.usageMetadata?.promptTokenCount ?? 0,
        outputTokens: outputTokens(response),
        milliseconds: Math.round(performance.now() - started),
      })
      const body = parseAnswer(textOf(response), BrandAnalysis, 'gemini.invalid_answer')
      const named = (response as { modelVersion?: string }).modelVersion
      return { model: named ?? model, body }
    },
  }
}

/** Thinking is billed as output but counted apart. */
function outputTokens({ usageMetadata }: GenerateContentResponse): number {
  const { thoughtsTokenCount = 0 } = (usageMetadata ?? {}) as { thoughtsTokenCount?: number }
  return (usageMetadata?.candidatesTokenCount ?? 0) + thoughtsTokenCount
}

/** Finish reasons that mean: the model will not say it, however often it is asked. */
const blocked = new Set([
  'SAFETY',
  'RECITATION',
  'LANGUAGE',
  'BLOCKLIST',
  'PROHIBITED_CONTENT',
  'SPII',
  'IMAGE_SAFETY',
  'IMAGE_PROHIBITED_CONTENT',
])

/** The answer's text. The SDK's own `text()` hides blocks and mixes thoughts in. */
function textOf(response: GenerateContentResponse): string {
  const block = response.promptFeedback?.blockReason
  if (block) throw new VisionError('gemini.blocked', { detail: `prompt: ${block}` })
  const candidate = response.candidates?.[0]
  const reason: string = candidate?.finishReason ?? 'no candidate'
  if (blocked.has(reason)) throw new VisionError('gemini.blocked', { detail: reason })
  if (reason !== 'STOP') throw new VisionError('gemini.invalid_answer', { detail: `finish reason ${reason}` })
  const parts = (candidate?.content?.parts ?? []) as readonly { text?: string; thought?: boolean }[]
  return parts.map((part) => (part.thought ? '' : (part.text ?? ''))).join('')
}

function asGeminiError(error: unknown, apiKey: string): VisionError {
  const extras = { cause: error, detail: detailOf(error, apiKey) }
  // A network error, or an answer that is not the API's: a proxy's page, or a cut connection.
  if (!(error instanceof GoogleGenerativeAIFetchError)) return new VisionError('gemini.unavailable', extras)
  return new VisionError(codeOf(error), { ...extras, ...retryInfo(error) })
}

function codeOf({ status, errorDetails, message }: GoogleGenerativeAIFetchError): ErrorCode {
  if (status === 429) return 'gemini.rate_limited'
  if (status === 401 || status === 402 || status === 403 || status === 404) return 'gemini.misconfigured'
  // A refused key, a region or a plan that is not served also answer 400: none of them is the job's fault.
  const operators = /API_KEY|FAILED_PRECONDITION|API key|billing|location is not supported|Unknown name|model name/i
  if (status === 400 && operators.test(`${message} ${JSON.stringify(errorDetails ?? [])}`))
    return 'gemini.misconfigured'
  if (status === 400 || status === 413 || status === 422) return 'gemini.rejected'
  return 'gemini.unavailable'
}

/** google.rpc.RetryInfo's `retryDelay`, a duration like `7s` or `1.5s`. */
function retryInfo({ errorDetails }: GoogleGenerativeAIFetchError): { retryAfterMs?: number } {
  for (const detail of errorDetails ?? []) {
    const seconds = /^([\d.]+)s$/.exec(String(detail.retryDelay ?? ''))?.[1]
    if (seconds !== undefined) return { retryAfterMs: Number(seconds) * 1000 }
  }
  return {}
}
