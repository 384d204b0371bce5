import OpenAI from 'openai'
import { VisionError } from '../domain/errors.ts'
import type { StepUsage } from '../domain/step.ts'
import { callProvider, headersOf, recordAnswer } from './call-provider.ts'
import { withFetch } from './http.ts'
import { type CallErrorKind, codeOf } from './kinds.ts'
import type { Model, ModelOptions, ModelRequest } from './model.ts'
import { countOf, isBlank, isWholeObject, nameOf, partOf } from './read-answer.ts'
import { isRecord } from './refusals.ts'

/** The differences between providers with OpenAI's chat completions protocol. */
export interface Dialect {
  /** The messages of a call, and the provider's own parameters. */
  body(request: ModelRequest): Omit<OpenAI.ChatCompletionCreateParamsNonStreaming, 'model'>
  /** The cached part of a prompt, from the provider's own field; unknown if that is missing. */
  cachedTokens?(usage: Readonly<Record<string, unknown>>): unknown
}

/** A model behind OpenAI's chat completions, through OpenAI's own SDK. */
export function createOpenAiCompatible(options: ModelOptions, dialect: Dialect): Model {
  const { apiKey, baseUrl, model, prices, rules, timeoutMs, now } = options
  // The queue is the only retry layer. The SDK also reads OPENAI_* variables, which are not our settings.
  const sdk = new OpenAI({
    apiKey,
    baseURL: baseUrl,
    organization: null,
    project: null,
    maxRetries: 0,
    timeout: timeoutMs,
    // That of the call; the SDK would keep the one that it finds now.
    fetch: (input, init) => globalThis.fetch(input, init),
  })
  return {
    ask: async (request, context) => {
      const { step } = request
      const started = performance.now()
      const body = await callProvider(
        {
          step,
          timeoutMs,
          secret: apiKey,
          rules,
          now,
          send: ({ signal, wrap }) =>
            withFetch(wrap, () =>
              sdk.chat.completions.create({ model, ...dialect.body(request) }, { signal, headers: headersOf(context) }),
            ),
          // Gateways add an empty list to an error.
          isAnswer: ({ choices, error }) => Array.isArray(choices) && (choices.length > 0 || !error),
        },
        context,
      )
      const named = nameOf(body.model, model)
      const tokens = tokensOf(body.usage, dialect)
      recordAnswer(context.meter, { named, model, tokens, prices, started })
      return { model: named, text: textOf(body, (kind, detail) => new VisionError(codeOf(step, kind), { detail })) }
    },
  }
}

/** Its prompt count includes cached tokens, its completion count includes thinking. */
function tokensOf(said: unknown, dialect: Dialect): Omit<StepUsage, 'model' | 'cost' | 'milliseconds'> {
  const usage = isRecord(said) ? said : {}
  const inputTokens = countOf(usage.prompt_tokens)
  const outputTokens = countOf(usage.completion_tokens)
  const { prompt_tokens_details: ofPrompt, completion_tokens_details: ofCompletion } = usage
  const cached = dialect.cachedTokens?.(usage) ?? (isRecord(ofPrompt) ? ofPrompt.cached_tokens : undefined)
  // Only thinking models report it.
  const thinking = isRecord(ofCompletion) ? (ofCompletion.reasoning_tokens ?? 0) : outputTokens === null ? null : 0
  return {
    inputTokens,
    cachedTokens: partOf(inputTokens, countOf(cached)),
    outputTokens,
    thinkingTokens: partOf(outputTokens, countOf(thinking)),
  }
}

/** The finish reasons of complete answers, over all hosts of the same models. */
const whole = new Set(['', 'stop', 'stop_sequence', 'end_turn', 'eos', 'eos_token'])

/** The meaning of other finish reasons; any that is missing here is unknown. */
const finishes: Readonly<Record<string, CallErrorKind>> = {
  content_filter: 'blocked',
  sensitive: 'blocked',
  length: 'cut_off',
  max_tokens: 'cut_off',
  repetition_truncation: 'cut_off',
  recitation: 'recited',
  insufficient_system_resource: 'unavailable',
}

/** The answer's text. Behind a proxy any part of it may be missing. */
function textOf(
  { choices }: Record<string, unknown>,
  failure: (kind: CallErrorKind, detail: string) => VisionError,
): string {
  const choice: unknown = (choices as readonly unknown[])[0]
  if (!isRecord(choice)) throw failure('blank_answer', 'no choice')
  const { finish_reason: said, message } = choice
  const reason = typeof said === 'string' ? said.toLowerCase() : ''
  const text = isRecord(message) ? contentOf(message.content) : ''
  if (!whole.has(reason)) {
    const kind = Object.hasOwn(finishes, reason) ? (finishes[reason] as CallErrorKind) : 'misfit'
    if (kind !== 'cut_off' || !isWholeObject(text)) throw failure(kind, `finish reason ${reason.slice(0, 100)}`)
  }
  // In JSON mode some models answer with blanks where they cannot produce JSON, and call that finished.
  if (isBlank(text)) throw failure('blank_answer', `${text.length} blank characters`)
  return text
}

/** A text, the texts of a list of parts, or an object into which a gateway has parsed the text. */
function contentOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (isRecord(content)) return JSON.stringify(content)
  if (!Array.isArray(content)) return ''
  return content.map((part) => (isRecord(part) && typeof part.text === 'string' ? part.text : '')).join('')
}
