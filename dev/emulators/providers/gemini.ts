import { createHash } from 'node:crypto'
import type { HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import * as z from 'zod'
import { writeAnalysis } from './described-image.ts'
import { type Dialect, type Emulation, exchange, type Refusal, type Reply } from './exchange.ts'
import type { JsonSchema } from './fit-schema.ts'
import type { FileStore } from './gemini-files.ts'
import type { LetteringReader } from './lettering.ts'
import { lookAt } from './look.ts'
import { answerAboutModels } from './models.ts'
import { UndecodableImage } from './open-image.ts'
import { block } from './prompt-blocks.ts'
import { readRequest } from './read-request.ts'

/** What it says of a body that it cannot read. */
const refusals = {
  notJson: 'Invalid JSON payload received. The body is not JSON.',
  unfit: 'Invalid JSON payload received.',
}

/**
 * The fields of `generateContent` (v1beta). Like the real service it refuses a field it does not know, so that a
 * misspelt setting is found here and not in production: https://ai.google.dev/api/generate-content
 */
const GenerateContent = z.strictObject({
  contents: z
    .array(
      z.object({
        role: z.string().optional(),
        parts: z.array(
          z.object({
            text: z.string().optional(),
            inlineData: z.object({ mimeType: z.string(), data: z.string() }).optional(),
            fileData: z.object({ mimeType: z.string(), fileUri: z.string() }).optional(),
          }),
        ),
      }),
    )
    .min(1),
  systemInstruction: z.object({ parts: z.array(z.object({ text: z.string().optional() })) }).optional(),
  generationConfig: z
    .strictObject({
      responseMimeType: z.string(),
      responseJsonSchema: z.custom<JsonSchema>((value) => typeof value === 'object' && value !== null),
      maxOutputTokens: z.int().min(1),
      ...Object.fromEntries(
        [
          'candidateCount enableEnhancedCivicAnswers frequencyPenalty imageConfig logprobs mediaResolution',
          'presencePenalty responseLogprobs responseModalities seed speechConfig stopSequences temperature',
          'thinkingConfig topK topP',
        ].flatMap((names) => names.split(' ').map((name) => [name, z.unknown()])),
      ),
    })
    .partial()
    .optional(),
  ...Object.fromEntries(
    ['cachedContent', 'safetySettings', 'serviceTier', 'store', 'toolConfig', 'tools'].map((name) => [
      name,
      z.unknown().optional(),
    ]),
  ),
})
type GenerateContent = z.infer<typeof GenerateContent>

/** https://ai.google.dev/gemini-api/docs/image-understanding */
const imageTypes = new Set(['image/png', 'image/jpeg', 'image/webp', 'image/heic', 'image/heif'])

/** The tokens of one image in Gemini 3, at the default resolution: https://ai.google.dev/gemini-api/docs/media-resolution */
const imageTokens = 1_120
const charactersPerToken = 4
/** The real service caches long prompts only, from some thousand tokens on; here every beginning that comes again counts. */
const maxCached = 1000

/**
 * An emulated Gemini: `POST /v1beta/models/{model}:generateContent` and `GET /v1beta/models/{model}`, any model name. It measures the image that it is
 * sent, has its lettering read, and writes the brand analysis from that and the stated purpose, in the JSON schema that was asked
 * for; it recognises nothing else. `modelVersion` in every answer ends in `-emulated`.
 *
 * Its faults, as the real service shows them: `rate_limited` 429 RESOURCE_EXHAUSTED with `RetryInfo`; `unavailable`
 * 503; `unauthorized` 400 INVALID_ARGUMENT with reason API_KEY_INVALID (a key that is missing gives 403);
 * `insufficient_balance` 403 with reason BILLING_DISABLED; `unknown_model` 404; `blank` a candidate without parts;
 * `blocked` promptFeedback.blockReason, or finishReason PROHIBITED_CONTENT; `truncated` finishReason MAX_TOKENS.
 */
export function geminiEmulator(
  emulation: Emulation,
  {
    files,
    inlineBytes,
    lettering,
  }: { readonly files: FileStore; readonly inlineBytes: number; readonly lettering: LetteringReader | undefined },
): Hono<{ Bindings: HttpBindings }> {
  let responses = 0
  const cached = new Set<string>()
  const routes = new Hono<{ Bindings: HttpBindings }>().get('/v1beta/models/:model', (context) => {
    const model = context.req.param('model')
    const body = { name: `models/${model}`, supportedGenerationMethods: ['generateContent'] }
    return answerAboutModels(context, emulation, {
      provider: 'gemini',
      model,
      answer: context.req.header('x-goog-api-key') ? { status: 200, body } : unregistered,
      refuse: (kind) => refuse(kind, model, undefined),
    })
  })
  return routes.post('/v1beta/models/:call', async (context) => {
    const [model = '', method] = context.req.param('call').split(':')
    const key = context.req.header('x-goog-api-key') ?? context.req.query('key')
    const body = await context.req.text()
    const read = readRequest(GenerateContent, body, refusals)
    const asked = 'error' in read ? undefined : read
    const parts = asked?.contents.flatMap((content) => content.parts) ?? []
    const lost = parts.find(({ fileData }) => fileData && !files.find(fileData.fileUri))?.fileData
    const images = parts.flatMap(({ inlineData, fileData }) => {
      const data = inlineData ? Buffer.from(inlineData.data, 'base64') : fileData && files.find(fileData.fileUri)?.bytes
      const mimeType = (inlineData ?? fileData)?.mimeType
      return data && mimeType !== undefined ? [{ mimeType, data }] : []
    })
    const bytes = images[0]?.data
    const text = asked ? promptText(asked) : ''
    const purpose = purposeIn(text)
    responses += 1
    const imageSha256 = bytes && createHash('sha256').update(bytes).digest('hex')
    // The instructions and the image precede the purpose.
    const instructions = asked ? textOf(asked.systemInstruction?.parts ?? []) : ''
    const beginning = `${model} ${imageSha256} ${instructions}`
    const usage = {
      promptTokens: images.length * imageTokens + Math.ceil(text.length / charactersPerToken),
      cachedTokens: cached.has(beginning) ? imageTokens + Math.floor(instructions.length / charactersPerToken) : 0,
      // Those that are light do not think unless they are asked to.
      thinks: !model.includes('-lite'),
    }
    return exchange(context, emulation, {
      request: {
        provider: 'gemini',
        model,
        text,
        purpose,
        traceparent: context.req.header('traceparent'),
        imageSha256,
      },
      dialect: dialect(model, `emulated-${responses}`, usage),
      async work() {
        if (!key) return { refusal: unregistered }
        if (method !== 'generateContent') {
          return { refusal: error(404, 'NOT_FOUND', `The emulator knows generateContent only, not ${method}.`) }
        }
        if (Buffer.byteLength(body) > inlineBytes)
          return { refusal: invalid(`Request payload size exceeds the limit: ${inlineBytes} bytes.`) }
        if (!asked) return { refusal: invalid('error' in read ? read.error : '') }
        if (lost)
          return {
            refusal: error(
              403,
              'PERMISSION_DENIED',
              `You do not have permission to access the File ${lost.fileUri} or it may not exist.`,
            ),
          }
        const { schema, refusal } = schemaOf(asked)
        if (refusal) return { refusal }
        const strange = images.find(({ mimeType }) => !imageTypes.has(mimeType))
        if (strange) return { refusal: invalid(`Unsupported MIME type: ${strange.mimeType}`) }
        const look = bytes && (await lookAt(bytes).catch(unreadable))
        if (look === null)
          return { refusal: invalid('Unable to process input image. Please retry or report the problem.') }
        if (cached.size >= maxCached) cached.clear()
        cached.add(beginning)
        const limit = (asked.generationConfig?.maxOutputTokens ?? Number.POSITIVE_INFINITY) * charactersPerToken
        const seen = look && bytes && { look, lettering: await lettering?.read(bytes) }
        return { text: writeAnalysis(seen, purpose, schema), limit }
      },
    })
  })
}

function promptText({ contents, systemInstruction }: GenerateContent): string {
  return textOf([...(systemInstruction?.parts ?? []), ...contents.flatMap((content) => content.parts)])
}

function textOf(parts: readonly { readonly text?: string | undefined }[]): string {
  return parts.flatMap(({ text }) => text ?? []).join('\n')
}

function purposeIn(text: string): string | undefined {
  const purpose = block(text, 'purpose') ?? text.match(/purpose:\s*(\S.*)/i)?.[1]
  return purpose?.replaceAll(/\s+/g, ' ').slice(0, 200)
}

function schemaOf({ generationConfig: config }: GenerateContent): { schema?: JsonSchema; refusal?: Reply } {
  if (!config) return {}
  const schema = config.responseJsonSchema
  if (!schema) return {}
  if (config.responseMimeType !== 'application/json') {
    return { refusal: invalid('A response schema needs response_mime_type: application/json.') }
  }
  return { schema }
}

function unreadable(problem: unknown): null {
  if (problem instanceof UndecodableImage) return null
  throw problem
}

const thought = 'Emulated thinking, of which the answer says only how long it was.'

function dialect(
  model: string,
  responseId: string,
  { promptTokens, cachedTokens, thinks }: { promptTokens: number; cachedTokens: number; thinks: boolean },
): Dialect {
  const thoughts = thinks ? Math.ceil(thought.length / charactersPerToken) : 0
  const respond = (rest: object, written = ''): Reply => {
    const tokens = Math.ceil(written.length / charactersPerToken)
    return {
      status: 200,
      body: {
        ...rest,
        usageMetadata: {
          promptTokenCount: promptTokens,
          candidatesTokenCount: tokens,
          totalTokenCount: promptTokens + tokens + thoughts,
          ...(cachedTokens > 0 && { cachedContentTokenCount: cachedTokens }),
          ...(thoughts > 0 && { thoughtsTokenCount: thoughts }),
        },
        modelVersion: `${model}-emulated`,
        responseId,
      },
    }
  }
  return {
    answer(text, finish) {
      const finishReason = finish === 'cut' ? 'MAX_TOKENS' : 'STOP'
      return respond({ candidates: [{ content: { role: 'model', parts: [{ text }] }, finishReason, index: 0 }] }, text)
    },
    blank: () => respond({ candidates: [{ content: { role: 'model', parts: [] }, finishReason: 'STOP', index: 0 }] }),
    blocked: (at) =>
      at === 'prompt'
        ? respond({ promptFeedback: { blockReason: 'PROHIBITED_CONTENT' } })
        : respond({ candidates: [{ content: {}, finishReason: 'PROHIBITED_CONTENT', index: 0 }] }),
    refuse: (kind, retryAfterSeconds) => refuse(kind, model, retryAfterSeconds),
  }
}

function refuse(kind: Refusal, model: string, retryAfterSeconds: number | undefined): Reply {
  const wait =
    retryAfterSeconds === undefined
      ? []
      : [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${retryAfterSeconds}s` }]
  switch (kind) {
    case 'rate_limited':
      return error(429, 'RESOURCE_EXHAUSTED', 'You exceeded your current quota. [emulated]', [
        {
          '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
          violations: [
            {
              quotaMetric: 'generativelanguage.googleapis.com/generate_content_paid_tier_requests',
              quotaId: 'GenerateRequestsPerMinutePerProjectPerModel',
              quotaDimensions: { location: 'global', model },
            },
          ],
        },
        ...wait,
      ])
    case 'unavailable':
      return error(503, 'UNAVAILABLE', 'The model is overloaded. Please try again later. [emulated]', wait)
    case 'unauthorized':
      return error(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.', [
        errorInfo('API_KEY_INVALID'),
      ])
    case 'insufficient_balance':
      return error(403, 'PERMISSION_DENIED', 'This API method requires billing to be enabled. [emulated]', [
        errorInfo('BILLING_DISABLED'),
      ])
    case 'unknown_model':
      return error(
        404,
        'NOT_FOUND',
        `models/${model} is not found for API version v1beta, or is not supported for generateContent.`,
      )
  }
}

const errorInfo = (reason: string) => ({
  '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
  reason,
  domain: 'googleapis.com',
  metadata: { service: 'generativelanguage.googleapis.com' },
})

/** Google's error shape: https://cloud.google.com/apis/design/errors */
function error(
  code: 400 | 403 | 404 | 429 | 503,
  status: string,
  message: string,
  details: readonly object[] = [],
): Reply {
  return { status: code, body: { error: { code, message, status, ...(details.length > 0 && { details }) } } }
}

const invalid = (message: string) => error(400, 'INVALID_ARGUMENT', message)

const unregistered = error(
  403,
  'PERMISSION_DENIED',
  "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.",
)
