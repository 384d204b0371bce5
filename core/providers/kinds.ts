import type { Step } from '../../drizzle/schema.ts'
import type { ErrorCode } from '../domain/errors.ts'

/** The ways in which a call to a model can fail, the same for every provider: the part of an error code after the step. */
const callErrorKinds = [
  'blocked',
  'rejected',
  'refused',
  'misfit',
  'invalid_answer',
  'blank_answer',
  'cut_off',
  'recited',
  'timed_out',
  'unavailable',
  'overloaded',
  'rate_limited',
  'quota_exhausted',
  'insufficient_balance',
  'misconfigured',
] as const
export type CallErrorKind = (typeof callErrorKinds)[number]

/** The error code of a step. Codes are named after steps, since providers can be replaced. */
export function codeOf(step: Step, kind: CallErrorKind): ErrorCode {
  return `${step}.${kind}`
}

/** The kind of a step's error code; undefined for any other code. */
export function kindOf(code: ErrorCode, of?: Step): CallErrorKind | undefined {
  const [step, kind] = code.split('.')
  const isStep = of ? step === of : step === 'analysis' || step === 'content'
  return isStep ? callErrorKinds.find((one) => one === kind) : undefined
}
