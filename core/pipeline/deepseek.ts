import OpenAI, { APIError } from 'openai'
import * as z from 'zod'
import { type ErrorCode, innermost, VisionError } from '../errors.ts'
import type { BrandAnalysis } from './analysis.ts'
import { type Answer, type CallContext, callProvider, detailOf, headersOf, parseAnswer, quoted } from './call.ts'
import { type Content, formats, type OutputFormat } from './formats.ts'

export interface DeepSeekOptions {
  readonly apiKey: string
  readonly baseUrl: string
  readonly model: string
  /** For a whole call, in milliseconds. */
  readonly timeoutMs: number
}

/** What to write, and from what. */
export interface WriteRequest {
  readonly analysis: BrandAnalysis
  readonly purpose: string
  readonly format: OutputFormat
  /** A BCP 47 tag. */
  readonly language: string
}

/** The second step: the text made from the analysis. */
export interface DeepSeek {
  /**
   * @throws VisionError `deepseek.*`, or the signal's reason
   */
  write(request: WriteRequest, context: CallContext): Promise<Answer<Content>>
}

/** DeepSeek over the OpenAI SDK: its wire is the same, its additions go into the body as they are. */
export function createDeepSeek({ apiKey, baseUrl, model, timeoutMs }: DeepSeekOptions): DeepSeek {
  // The queue is the one retry layer.
  const sdk = new OpenAI({ apiKey, baseURL: baseUrl, maxRetries: 0, timeout: timeoutMs })
  return {
    write: async (request, context) => {
      const started = performance.now()
      const completion = await callProvider(
        (signal) =>
          sdk.chat.completions.create(
            {
              model,
              messages: messagesFor(request),
              response_format: { type: 'json_object' },
              max_tokens: 8192,
              // Thinking is on unless it is switched off, and costs more than the answer.
              ...({ thinking: { type: 'disabled' } } as object),
            },
            { signal, headers: headersOf(context) },
          ),
        context,
        {
          timeoutMs,
          timedOut: 'deepseek.timed_out',
          translate: (error) => {
            // An HTTP error is an answer that costs nothing, and a call that never connected cannot cost anything.
            if ((error instanceof APIError && error.status !== undefined) || neverConnected(error)) {
              context.meter.answered()
            }
            return asDeepSeekError(error, apiKey)
          },
        },
      )
      context.meter.answered({
        inputTokens: completion?.usage?.prompt_tokens ?? 0,
        outputTokens: completion?.usage?.completion_tokens ?? 0,
        milliseconds: Math.round(performance.now() - started),
      })
      const body = parseAnswer(textOf(completion), formats[request.format].schema, 'deepseek.invalid_answer')
      return { model: completion.model, body }
    },
  }
}

function messagesFor({ analysis, purpose, format, language }: WriteRequest): OpenAI.ChatCompletionMessageParam[] {
  const { prompt, schema } = formats[format]
  const { $schema: _, ...jsonSchema } = z.toJSONSchema(schema, { io: 'input' })
  return [
    {
      role: 'system',
      content: [
        'You write for brand teams from the analysis of an image. Use only what the analysis says.',
        prompt,
        'Answer with one JSON object, nothing before or after it, that fits this JSON Schema:',
        `<schema>${JSON.stringify(jsonSchema)}</schema>`,
        `It looks like this: ${JSON.stringify(exampleOf(jsonSchema))}`,
      ].join('\n'),
    },
    {
      role: 'user',
      content: [
        `<format>${format}</format>`,
        `<language>${language}</language>`,
        `<purpose>${quoted(purpose)}</purpose>`,
        `<analysis>${JSON.stringify(analysis).replaceAll('<', '\\u003c')}</analysis>`,
        `Write the JSON object. Its texts are in the language ${language}; its keys stay as they are.`,
      ].join('\n'),
    },
  ]
}

/** The shape of an answer with a placeholder for each value: JSON mode wants an example in the prompt. */
function exampleOf(schema: z.core.JSONSchema.JSONSchema): unknown {
  if (schema.enum) return schema.enum[0]
  if (schema.type === 'array') return [exampleOf(schema.items as z.core.JSONSchema.JSONSchema)]
  if (schema.type === 'object') {
    const fields = Object.entries(schema.properties ?? {})
    return Object.fromEntries(fields.map(([name, field]) => [name, exampleOf(field as z.core.JSONSchema.JSONSchema)]))
  }
  return schema.description ?? '…'
}

/** The answer's text. What comes through a proxy may lack any part of it. */
function textOf(completion: Partial<OpenAI.ChatCompletion> | null): string {
  const choice = completion?.choices?.[0]
  const reason: string = choice?.finish_reason ?? 'no choice'
  if (reason === 'content_filter') throw new VisionError('deepseek.blocked', { detail: reason })
  if (reason === 'insufficient_system_resource') throw new VisionError('deepseek.unavailable', { detail: reason })
  if (reason !== 'stop') throw new VisionError('deepseek.invalid_answer', { detail: `finish reason ${reason}` })
  const text = choice?.message?.content ?? ''
  // In JSON mode it answers with blanks where it cannot make JSON, and calls that finished.
  if (text.trim() === '') throw new VisionError('deepseek.blank_answer')
  return text
}

function asDeepSeekError(error: unknown, apiKey: string): VisionError {
  const extras = { cause: error, detail: detailOf(error, apiKey) }
  if (!(error instanceof APIError) || error.status === undefined) return new VisionError('deepseek.unavailable', extras)
  return new VisionError(codeOf(error), { ...extras, ...retryAfter(error) })
}

function codeOf({ status, message }: APIError): ErrorCode {
  switch (status) {
    case 402:
      return 'deepseek.insufficient_balance'
    case 401:
    case 403:
    case 404:
      return 'deepseek.misconfigured'
    case 429:
      return 'deepseek.rate_limited'
    case 400:
    case 413:
    case 422:
      // Withheld content and an unknown model answer 400 as well, and only the message tells; the model is no fault of
      // the job.
      if (/content exists risk/i.test(message)) return 'deepseek.blocked'
      return /model not exist|model .*not (exist|found)/i.test(message) ? 'deepseek.misconfigured' : 'deepseek.rejected'
    default:
      return 'deepseek.unavailable'
  }
}

/** RFC 9110, section 10.2.3, in its form of seconds. */
function retryAfter({ headers }: APIError): { retryAfterMs?: number } {
  const seconds = Number(headers?.get('retry-after') ?? Number.NaN)
  return Number.isFinite(seconds) ? { retryAfterMs: seconds * 1000 } : {}
}

/** Whether the connection failed before anything was sent; what cut one off later tells nothing of that kind. */
function neverConnected(error: unknown): boolean {
  const inner = innermost(error)
  const code = inner instanceof Error && 'code' in inner ? String(inner.code) : ''
  return ['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT'].includes(
    code,
  )
}
