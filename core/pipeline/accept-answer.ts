import * as z from 'zod'
import type { Step } from '../../drizzle/schema.ts'
import { VisionError } from '../errors.ts'
import { codeOf } from '../providers/kinds.ts'

/**
 * The answer's text as the JSON that was asked for.
 *
 * @throws VisionError `<step>.invalid_answer`, and in its detail where the answer does not fit
 */
export function parseAnswer<Schema extends z.ZodType>(text: string, schema: Schema, step: Step): z.output<Schema> {
  const code = codeOf(step, 'invalid_answer')
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
