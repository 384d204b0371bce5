import { GoogleGenerativeAI, type Part, type SafetySetting } from '@google/generative-ai'
import { roomAfterCutOff } from '../../domain/call-tokens.ts'
import { VisionError } from '../../domain/errors.ts'
import type { StepUsage } from '../../domain/step.ts'
import { callProvider, headersOf, recordAnswer } from '../call-provider.ts'
import { schemaForGemini } from '../gemini-schema.ts'
import { type GeminiThinking, leastThinking, thinkingTokens } from '../gemini-thinking.ts'
import { inlineLength, withUploadedImage } from '../gemini-upload.ts'
import { withFetch } from '../http.ts'
import { type CallErrorKind, codeOf } from '../kinds.ts'
import type { Model, ModelOptions, ModelRequest } from '../model.ts'
import { countOf, isBlank, isWholeObject, nameOf, partOf } from '../read-answer.ts'
import { isRecord } from '../refusals.ts'

/** The categories that Gemini may block: https://ai.google.dev/gemini-api/docs/safety-settings */
export type GeminiSafety = 'off' | 'none' | 'few' | 'some' | 'most'

/** Gemini's own settings, see its entry in the registry. */
export interface GeminiOptions extends ModelOptions {
  readonly settings: {
    /** The model's default if left out: Gemini 3 does badly below 1. */
    readonly TEMPERATURE?: number | undefined
    /** The model's default if left out. */
    readonly THINKING?: GeminiThinking | undefined
    /** What is blocked, in every category that can be set; `none` if left out, the default of recent models. */
    readonly SAFETY?: GeminiSafety | undefined
    /** For a larger request the image is uploaded first. */
    readonly INLINE_MEGABYTES?: number | undefined
  }
}

/** The documentation gives both 20 MB and 100 MB, and the API has enforced both. */
const defaultInlineMegabytes = 20

const thresholds: Readonly<Record<GeminiSafety, string>> = {
  off: 'OFF',
  none: 'BLOCK_NONE',
  few: 'BLOCK_ONLY_HIGH',
  some: 'BLOCK_MEDIUM_AND_ABOVE',
  most: 'BLOCK_LOW_AND_ABOVE',
}
const categories = ['HARASSMENT', 'HATE_SPEECH', 'SEXUALLY_EXPLICIT', 'DANGEROUS_CONTENT']

/** Reserved for the text of a request beside its image, in bytes. */
const textBytes = 100_000

/** Gemini over `@google/generative-ai`, an archived SDK, with workarounds for its defects. */
export function createModel(options: GeminiOptions): Model {
  const { apiKey, model, prices, rules, timeoutMs, now, settings } = options
  const inlineBytes = (settings.INLINE_MEGABYTES ?? defaultInlineMegabytes) * 1_000_000
  const baseUrl = options.baseUrl.replace(/\/+$/, '')
  const sdk = new GoogleGenerativeAI(apiKey)
  return {
    ask: async (request, context) => {
      const { step, image } = request
      const started = performance.now()
      const generative = sdk.getGenerativeModel(
        { model, systemInstruction: request.instructions, ...settingsFor(request, options) },
        { baseUrl, apiVersion: 'v1beta' },
      )
      const generate = (parts: readonly Part[], signal: AbortSignal) =>
        generative.generateContent([...parts, { text: request.input.toWellFormed() }], {
          signal,
          customHeaders: headersOf(context),
        })
      const body = await callProvider(
        {
          step,
          timeoutMs,
          secret: apiKey,
          rules,
          now,
          send: ({ signal, wrap }) =>
            withFetch(wrap, () => {
              if (!image) return generate([], signal)
              if (inlineLength(image.bytes) + textBytes > inlineBytes) {
                const files = { apiKey, baseUrl, headers: headersOf(context) }
                return withUploadedImage(image, files, (part) => generate([part], signal), signal)
              }
              const data = Buffer.from(image.bytes.buffer, image.bytes.byteOffset, image.bytes.byteLength)
              return generate([{ inlineData: { mimeType: image.type, data: data.toString('base64') } }], signal)
            }) as Promise<unknown>,
          isAnswer: ({ candidates, promptFeedback, usageMetadata, error }) =>
            // Gateways add an empty list to an error.
            error
              ? Array.isArray(candidates) && candidates.length > 0
              : Array.isArray(candidates) || isRecord(promptFeedback) || isRecord(usageMetadata),
        },
        context,
      )
      const named = nameOf(body.modelVersion, model)
      const tokens = tokensOf(body.usageMetadata)
      recordAnswer(context.meter, { named, model, tokens, prices, started })
      return { model: named, text: textOf(body, (kind, detail) => new VisionError(codeOf(step, kind), { detail })) }
    },
  }
}

/** The settings of every request; after an answer that was cut off, more tokens are allowed, and fewer for thinking. */
function settingsFor(request: ModelRequest, { model, settings }: GeminiOptions) {
  const { TEMPERATURE: temperature, THINKING: thinking, SAFETY: safety = 'none' } = settings
  const cutOff = request.previous === 'cut_off'
  const allowed = cutOff ? leastThinking(model, thinking) : thinking
  const thinkingConfig =
    typeof allowed === 'number' ? { thinkingBudget: allowed } : allowed && { thinkingLevel: allowed }
  return {
    safetySettings: categories.map((category) => ({
      category: `HARM_CATEGORY_${category}`,
      threshold: thresholds[safety],
      // The types of this SDK version do not know OFF yet.
    })) as unknown as SafetySetting[],
    generationConfig: {
      responseMimeType: 'application/json',
      ...(temperature !== undefined && { temperature }),
      // Thinking counts towards this limit as well.
      maxOutputTokens: request.maxOutputTokens * (cutOff ? roomAfterCutOff : 1) + thinkingTokens(allowed),
      // The API takes JSON Schema; the types of this SDK version do not know it yet, nor thinking.
      ...({ responseJsonSchema: schemaForGemini(request.schema) } as object),
      ...((thinkingConfig && { thinkingConfig }) as object | undefined),
    },
  }
}

/**
 * Its prompt count includes cached tokens; thinking is billed as output but counted separately. As everywhere in Google's
 * JSON, counts of 0 are left out.
 */
function tokensOf(said: unknown): Omit<StepUsage, 'model' | 'cost' | 'milliseconds'> {
  const usage = isRecord(said) ? said : {}
  const inputTokens = countOf(usage.promptTokenCount)
  const orNone = (value: unknown) => (value === undefined && inputTokens !== null ? 0 : countOf(value))
  const thinkingTokens = orNone(usage.thoughtsTokenCount)
  const written = orNone(usage.candidatesTokenCount)
  return {
    inputTokens,
    cachedTokens: partOf(inputTokens, orNone(usage.cachedContentTokenCount)),
    outputTokens: written === null || thinkingTokens === null ? null : written + thinkingTokens,
    thinkingTokens,
  }
}

/**
 * The finish reasons other than STOP: https://ai.google.dev/api/generate-content#FinishReason. Any other reason is not the
 * job's fault. A recitation is a matter of chance: most do not occur again.
 */
const finishes: Readonly<Record<string, CallErrorKind>> = {
  MAX_TOKENS: 'cut_off',
  RECITATION: 'recited',
  IMAGE_RECITATION: 'recited',
  SAFETY: 'blocked',
  LANGUAGE: 'blocked',
  BLOCKLIST: 'blocked',
  PROHIBITED_CONTENT: 'blocked',
  SPII: 'blocked',
  IMAGE_SAFETY: 'blocked',
  IMAGE_PROHIBITED_CONTENT: 'blocked',
}

/** The answer's text. The SDK's own `text()` hides blocked answers and includes thoughts. */
function textOf(
  { promptFeedback, candidates }: Record<string, unknown>,
  failure: (kind: CallErrorKind, detail: string) => VisionError,
): string {
  const block = isRecord(promptFeedback) ? promptFeedback.blockReason : undefined
  if (typeof block === 'string' && block !== 'BLOCK_REASON_UNSPECIFIED')
    throw failure('blocked', `prompt: ${block.slice(0, 100)}`)
  const candidate: unknown = Array.isArray(candidates) ? candidates[0] : undefined
  if (!isRecord(candidate)) throw failure('blank_answer', 'no candidate')
  const { finishReason, content } = candidate
  // Gateways use lower case.
  const reason = typeof finishReason === 'string' ? finishReason.toUpperCase() : ''
  const parts = isRecord(content) && Array.isArray(content.parts) ? content.parts.filter(isRecord) : []
  const text = parts.map((part) => (part.thought === true || typeof part.text !== 'string' ? '' : part.text)).join('')
  if (reason !== '' && reason !== 'STOP' && reason !== 'FINISH_REASON_UNSPECIFIED') {
    const kind = Object.hasOwn(finishes, reason) ? (finishes[reason] as CallErrorKind) : 'misfit'
    if (kind !== 'cut_off' || !isWholeObject(text)) throw failure(kind, `finish reason ${reason.slice(0, 100)}`)
  }
  if (isBlank(text)) throw failure('blank_answer', 'no text')
  return text
}
