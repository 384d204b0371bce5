import type * as z from 'zod'
import { type ErrorCode, VisionError } from '../domain/errors.ts'
import { isMissing } from './validation.ts'

/** The kinds of input issues that have no error code of their own. Stable, as error codes are. */
export const fieldCodes = [
  'field.missing',
  'field.unknown',
  'field.wrong_type',
  'field.not_allowed',
  'field.too_small',
  'field.too_large',
  'field.malformed',
  'field.conflict',
  'json.duplicate_name',
  'json.forbidden_name',
  'json.inexact_number',
  'json.lone_surrogate',
  'json.too_deep',
] as const
export type FieldCode = (typeof fieldCodes)[number] | ErrorCode

/** One problem in an input. */
export interface FieldProblem {
  /** Its position in the input, as a JSON pointer in URI fragment form (RFC 6901): `#/jobs/3/imageUrl`. */
  readonly pointer: string
  readonly code: FieldCode
  readonly detail: string
  /** The existing job with the idempotency key that was used again. */
  readonly jobId?: number
}

/** The most issues in a response, which could otherwise exceed what a function may send. */
export const maxFieldProblems = 100

/** A refused input with its problems. */
export class InvalidInput extends VisionError {
  readonly fields: readonly FieldProblem[]

  constructor(fields: readonly FieldProblem[], code: ErrorCode = 'request.invalid') {
    super(code)
    this.fields = fields.slice(0, maxFieldProblems)
  }
}

/** A schema's first issue with each field; an unknown field has its own pointer. */
export function fieldProblemsOf(issues: readonly z.core.$ZodIssue[]): readonly FieldProblem[] {
  const problems = issues.flatMap((issue): FieldProblem[] =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.slice(0, maxFieldProblems).map((key) => unknownField([...issue.path, key]))
      : [{ pointer: pointerTo(issue.path), code: fieldCodeOf(issue), detail: issue.message }],
  )
  return [...Map.groupBy(problems, ({ pointer }) => pointer).values()].flatMap(([first]) => first ?? [])
}

/** The problem with an unknown field or parameter. */
export function unknownField(path: readonly PropertyKey[]): FieldProblem {
  return { pointer: pointerTo(path), code: 'field.unknown', detail: 'There is no such field.' }
}

function fieldCodeOf(issue: z.core.$ZodIssue): FieldCode {
  if (issue.message === isMissing) return 'field.missing'
  switch (issue.code) {
    case 'invalid_type':
      return 'field.wrong_type'
    case 'invalid_value':
      return 'field.not_allowed'
    case 'too_small':
      return 'field.too_small'
    case 'too_big':
      return 'field.too_large'
    case 'custom':
      return (issue.params?.code as FieldCode | undefined) ?? 'field.malformed'
    default:
      return 'field.malformed'
  }
}

/** The beginning of a longer name suffices to recognise it. */
const maxTokenLength = 200

/** A JSON pointer as a URI fragment (RFC 6901, section 6). Very long names are cut off. */
export function pointerTo(path: readonly PropertyKey[]): string {
  const escaped = path.map((part) => {
    const name = String(part)
    const short = name.length > maxTokenLength ? `${name.slice(0, maxTokenLength)}…` : name
    const token = short.replaceAll('~', '~0').replaceAll('/', '~1')
    // A lone surrogate has no UTF-8 form to percent-encode.
    return `/${encodeURIComponent(token.toWellFormed())}`
  })
  return `#${escaped.join('')}`
}
