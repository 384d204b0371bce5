import { roomAfterCutOff } from '../../domain/call-tokens.ts'
import type { Model, ModelOptions, ModelRequest } from '../model.ts'
import { createOpenAiCompatible } from '../openai-compatible.ts'

/** DeepSeek over the OpenAI SDK: same wire protocol, with DeepSeek's additional fields in the body. It takes no images. */
export function createModel(options: ModelOptions): Model {
  return createOpenAiCompatible(options, {
    cachedTokens: ({ prompt_cache_hit_tokens: hit }) => hit,
    body: (request) => ({
      messages: [
        { role: 'system', content: instructionsFor(request) },
        { role: 'user', content: request.input.toWellFormed() },
      ],
      response_format: { type: 'json_object' },
      // After an answer that was cut off, more tokens are allowed.
      max_tokens: request.maxOutputTokens * (request.previous === 'cut_off' ? roomAfterCutOff : 1),
      // Thinking is on unless it is switched off, and costs more than the answer.
      ...({ thinking: { type: 'disabled' } } as object),
    }),
  })
}

/** JSON mode enforces no schema, so the schema is part of the prompt, which must also contain the word JSON. */
function instructionsFor({ instructions, schema }: ModelRequest): string {
  return [
    instructions,
    'Answer with one JSON object, nothing before or after it, that fits this JSON Schema:',
    `<schema>${JSON.stringify(schema)}</schema>`,
  ].join('\n')
}
