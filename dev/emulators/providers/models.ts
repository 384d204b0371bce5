import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type { Emulation, Refusal, Reply } from './exchange.ts'
import type { EmulatedRequest } from './fault-rules.ts'

const refusals: readonly string[] = [
  'rate_limited',
  'unavailable',
  'unauthorized',
  'insufficient_balance',
  'unknown_model',
] satisfies readonly Refusal[]

/** The question and the answers of one provider. */
interface Question {
  readonly provider: EmulatedRequest['provider']
  readonly model: string
  readonly answer: Reply
  refuse(kind: Refusal): Reply
}

/** Answers what models there are, which costs nothing: with the faults that are on, as for a call. */
export function answerAboutModels(
  context: Context<{ Bindings: HttpBindings }>,
  { faults }: Emulation,
  { provider, model, answer, refuse }: Question,
): Response {
  const kind = faults.decide({ provider, model, text: '' }).fault?.kind
  const refusal = refusals.find((one): one is Refusal => one === kind)
  const { body, status, headers } = refusal ? refuse(refusal) : answer
  return context.json(body as object, status, { ...headers })
}
