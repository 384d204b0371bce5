import { createHash } from 'node:crypto'
import type { HttpBindings } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import * as z from 'zod'
import { type Dialect, type Emulation, exchange, type Refusal, type Reply } from './exchange.ts'
import { fitSchema, type JsonSchema } from './fit-schema.ts'
import { answerAboutModels } from './models.ts'
import { block, jsonBlock, networkIn } from './prompt-blocks.ts'
import { readRequest } from './read-request.ts'
import type { Source } from './text-material.ts'
import { draftContent } from './written-content.ts'

/** What it says of a body that it cannot read. */
const refusals = {
  notJson: 'Failed to parse the request body as JSON.',
  unfit: 'Failed to deserialize the JSON body into the target type:',
}

/** The fields of a chat completion request that are read; others pass, as at the real service. */
const ChatCompletion = z.object({
  model: z.string(),
  messages: z
    .array(
      z.object({
        role: z.string(),
        content: z.union([z.string(), z.array(z.object({ text: z.string().optional() }))]).nullish(),
      }),
    )
    .min(1),
  max_tokens: z.int().min(1).nullish(),
  stream: z.boolean().nullish(),
  response_format: z.object({ type: z.string() }).nullish(),
  thinking: z.object({ type: z.string() }).nullish(),
})
type ChatCompletion = z.infer<typeof ChatCompletion>

const charactersPerToken = 4
/** Prompts are cached in blocks of this many tokens: https://api-docs.deepseek.com/guides/kv_cache */
const cacheBlockTokens = 64

/** https://api-docs.deepseek.com/api/list-models; a call takes any name. */
const modelsListed = [{ id: 'deepseek-flash', object: 'model', owned_by: 'deepseek' }]

/**
 * An emulated DeepSeek: `POST /chat/completions` and `/v1/chat/completions`, any model name, not streamed. It writes
 * JSON that fits the schema between `<schema>` and `</schema>`, for the format named in `<format>`, from the brand
 * analysis in `<analysis>`, the purpose in `<purpose>`, the facts in `<facts>`, and the name, words and rules of the brand in `<brand>`. It writes English, German, French, Spanish and Japanese; where
 * `<language>` asks for another language it writes English, and says so. `model` in every answer ends in `-emulated`.
 *
 * Its faults, as the real service shows them: `rate_limited` 429 and `unavailable` 503, with Retry-After;
 * `unauthorized` 401; `insufficient_balance` 402; `unknown_model` 400 "Model Not Exist"; `blank` blanks with
 * finish_reason "stop"; `blocked` 400 "Content Exists Risk", or finish_reason "content_filter"; `truncated`
 * finish_reason "length".
 */
export function deepseekEmulator(emulation: Emulation): Hono<{ Bindings: HttpBindings }> {
  let responses = 0
  const cached = new Set<string>()

  const complete = async (context: Context<{ Bindings: HttpBindings }>) => {
    const key = context.req.header('authorization')?.match(/^Bearer\s+(\S+)/i)?.[1]
    const read = readRequest(ChatCompletion, await context.req.text(), refusals)
    const asked = 'error' in read ? undefined : read
    const text = asked?.messages.map(textOf).join('\n') ?? ''
    // The form of the answer stands in the instructions, and what to write from in the user's message: neither is read
    // from the other.
    const [instructions = '', material = ''] = [false, true].map((isUser) =>
      (asked?.messages ?? [])
        .filter(({ role }) => (role === 'user') === isUser)
        .map(textOf)
        .join('\n'),
    )
    const analysis = jsonBlock(material, 'analysis')
    const purpose = block(material, 'purpose')
    responses += 1
    const first = asked?.messages[0] ? textOf(asked.messages[0]) : ''
    const usage = {
      promptTokens: Math.ceil(text.length / charactersPerToken),
      hitTokens: cached.has(first) ? floorTo(cacheBlockTokens, first.length / charactersPerToken) : 0,
      thinks: asked?.thinking?.type !== 'disabled',
    }
    return exchange(context, emulation, {
      request: {
        provider: 'deepseek',
        model: asked?.model ?? '',
        text,
        purpose: purpose?.slice(0, 200),
        traceparent: context.req.header('traceparent'),
        analysisSha256: analysis && createHash('sha256').update(analysis.text).digest('hex'),
      },
      dialect: dialect(asked?.model ?? '', `emulated-${responses}`, emulation.clock(), usage),
      async work() {
        if (!key) return { refusal: authentication('Authentication Fails (no API key was sent). [emulated]') }
        if (!asked) return { refusal: invalid('error' in read ? read.error : '') }
        if (asked.stream) return { refusal: invalid('The emulator does not stream.') }
        // The real service refuses JSON mode without the word, which otherwise writes blanks without end.
        if (asked.response_format?.type === 'json_object' && !/json/i.test(text)) {
          return { refusal: invalid("Prompt must contain the word 'json' to use response_format of type json_object.") }
        }
        if (cached.size >= 1000) cached.clear()
        cached.add(first)
        const written = write(
          jsonBlock(instructions, 'schema')?.value,
          {
            analysis: analysis?.value,
            purpose,
            language: languageIn(material),
            network: networkIn(instructions),
            facts: jsonBlock(material, 'facts')?.value,
            brand: jsonBlock(material, 'brand')?.value,
            variant: `${/It is number \d+ of/.exec(instructions)?.[0] ?? ''}${jsonBlock(material, 'current_text')?.text ?? ''}`,
          },
          block(material, 'format'),
        )
        return { text: written, limit: (asked.max_tokens ?? Number.POSITIVE_INFINITY) * charactersPerToken }
      },
    })
  }

  return new Hono<{ Bindings: HttpBindings }>()
    .post('/chat/completions', complete)
    .post('/v1/chat/completions', complete)
    .get('/models', (context) =>
      answerAboutModels(context, emulation, {
        provider: 'deepseek',
        model: '',
        answer: context.req.header('authorization')
          ? { status: 200, body: { object: 'list', data: modelsListed } }
          : authentication('Authentication Fails (no API key was sent). [emulated]'),
        refuse: (kind) => refuse(kind, undefined),
      }),
    )
}

function textOf({ content }: ChatCompletion['messages'][number]): string {
  return typeof content === 'string' ? content : (content ?? []).map(({ text }) => text ?? '').join('\n')
}

/** The tag of the language, alone or with the language's name beside it. */
function languageIn(material: string): string | undefined {
  const named = z.object({ tag: z.string() }).safeParse(jsonBlock(material, 'language')?.value)
  return named.success ? named.data.tag : block(material, 'language')
}

function write(schema: JsonSchema | undefined, source: Source, format: string | undefined): string {
  const { draft, fallback } = draftContent(source, format)
  return JSON.stringify(schema ? fitSchema(schema, draft, fallback) : draft)
}

function dialect(
  model: string,
  id: string,
  at: Date,
  { promptTokens, hitTokens, thinks }: { promptTokens: number; hitTokens: number; thinks: boolean },
): Dialect {
  const respond = (content: string, finishReason: string): Reply => {
    const thought = thinks ? 'Emulated thinking: it is on unless the request switches it off.' : ''
    const thoughtTokens = Math.ceil(thought.length / charactersPerToken)
    const tokens = Math.ceil(content.length / charactersPerToken) + thoughtTokens
    return {
      status: 200,
      body: {
        id,
        object: 'chat.completion',
        created: Math.floor(at.getTime() / 1000),
        model: `${model}-emulated`,
        choices: [
          {
            index: 0,
            message: { role: 'assistant', content, ...(thinks && { reasoning_content: thought }) },
            logprobs: null,
            finish_reason: finishReason,
          },
        ],
        usage: {
          prompt_tokens: promptTokens,
          completion_tokens: tokens,
          total_tokens: promptTokens + tokens,
          prompt_cache_hit_tokens: hitTokens,
          prompt_cache_miss_tokens: promptTokens - hitTokens,
          ...(thinks && { completion_tokens_details: { reasoning_tokens: thoughtTokens } }),
        },
        system_fingerprint: 'emulated',
      },
    }
  }
  return {
    answer: (text, finish) => respond(text, finish === 'cut' ? 'length' : 'stop'),
    blank: () => respond(' \n'.repeat(20), 'stop'),
    blocked: (at) => (at === 'prompt' ? invalid('Content Exists Risk') : respond('', 'content_filter')),
    refuse,
  }
}

/** https://api-docs.deepseek.com/quick_start/error_codes */
function refuse(kind: Refusal, retryAfterSeconds: number | undefined): Reply {
  const headers: Record<string, string> =
    retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }
  switch (kind) {
    case 'rate_limited':
      return { ...error(429, 'Rate limit reached. Please pace your requests. [emulated]', 'rate_limit_error'), headers }
    case 'unavailable':
      return {
        ...error(503, 'Service is too busy. Please try again later. [emulated]', 'service_unavailable_error'),
        headers,
      }
    case 'unauthorized':
      return authentication('Authentication Fails, your API key is invalid. [emulated]')
    case 'insufficient_balance':
      return error(402, 'Insufficient Balance', 'unknown_error')
    case 'unknown_model':
      return invalid('Model Not Exist')
  }
}

const error = (status: 400 | 401 | 402 | 429 | 503, message: string, type: string): Reply => ({
  status,
  body: { error: { message, type, param: null, code: 'invalid_request_error' } },
})

const invalid = (message: string) => error(400, message, 'invalid_request_error')
const authentication = (message: string) => error(401, message, 'authentication_error')

const floorTo = (unit: number, value: number) => Math.floor(value / unit) * unit
