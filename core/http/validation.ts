import type * as z from 'zod'
import { once } from '../platform/async.ts'

/** A schema that is loaded when it is first needed: to make all of them takes longer than any other part of a start. */
export type Deferred<Schema> = () => Promise<Schema>

/**
 * The schemas of a module, by their names: `deferred(() => import('./schema.ts'))('CreateJob')`. Loaded once, since even what is
 * there already takes Node.js a twentieth of a short call to import again.
 */
export function deferred<Module>(load: () => Promise<Module>) {
  const loaded = once(load)
  return <Name extends keyof Module>(name: Name): Deferred<Module[Name]> =>
    async () =>
      (await loaded())[name]
}

/** A procedure's input for tRPC, with readable descriptions of its issues. */
export interface ValidatedInput<Schema extends z.ZodType> {
  readonly schema: Deferred<Schema>
  /** The ids that make a whole input, which is then read without the schema. */
  readonly ids: readonly string[]
  readonly parse: (value: unknown) => Promise<z.output<Schema>>
  /** Types alone, from which tRPC infers a procedure's input. */
  readonly _input: z.input<Schema>
  readonly _output: z.output<Schema>
}

/**
 * A schema with `describeIssue`. Not by `z.config`, which would change the messages of every other schema.
 *
 * @param ids the fields that the schema demands, where they are ids alone: an input of just these is taken without the schema,
 *   since to load zod and to make a schema takes a seventh of a first answer's time; the schema refuses every other one
 */
export function validated<Schema extends z.ZodType>(
  schema: Deferred<Schema>,
  ids: readonly string[] = [],
): ValidatedInput<Schema> {
  const parse = async (value: unknown) =>
    areOnly(ids, value) ? { ...value } : (await schema()).parse(value, { error: describeIssue })
  return { schema, ids, parse } as unknown as ValidatedInput<Schema>
}

/** Whether a value has all of these ids, each from 1 up, and nothing else. */
function areOnly(ids: readonly string[], value: unknown): value is Readonly<Record<string, number>> {
  if (ids.length === 0 || typeof value !== 'object' || value === null) return false
  const entries = Object.entries(value)
  return (
    entries.length === ids.length &&
    entries.every(([name, id]) => ids.includes(name) && Number.isSafeInteger(id) && id >= 1)
  )
}

/** The issue of a missing field. */
export const isMissing = 'is missing'

const kinds: Readonly<Record<string, string>> = {
  string: 'text',
  // Whole, wherever the API takes a number.
  number: 'a whole number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
}

/** Formats whose rule needs an explanation. */
const forms: Readonly<Record<string, string>> = {
  datetime: 'must be a moment in UTC like 2026-11-23T12:00:00.000Z',
  date: 'must be a day like 2026-11-23',
}

const units: Readonly<Record<string, readonly [one: string, several: string]>> = {
  string: ['character', 'characters'],
  array: ['entry', 'entries'],
}

/** The issue with a value, to be read after the name of its field; undefined if the rule has its own message. */
export function describeIssue(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? isMissing : `must be ${kinds[issue.expected] ?? issue.expected}${alone(issue)}`
    case 'invalid_value':
      return issue.input === undefined ? isMissing : `must be one of ${issue.values.join(', ')}${alone(issue)}`
    case 'too_small':
      if (issue.origin === 'string' && issue.minimum === 1) return 'must not be empty'
      return `must ${amount(issue.origin, 'at least', issue.minimum)}`
    case 'too_big':
      return `must ${amount(issue.origin, 'at most', issue.maximum)}`
    case 'invalid_format':
      return forms[issue.format]
    // Of an object whose fields the caller names.
    case 'invalid_key':
      return `has a name that ${issue.issues[0]?.message ?? 'is not allowed'}`
    default:
      return undefined
  }
}

/** A parameter that is repeated in a query comes as a list of texts. */
function alone({ input }: z.core.$ZodRawIssue): string {
  const isRepeated = Array.isArray(input) && input.length > 1 && input.every((one) => typeof one === 'string')
  return isRepeated ? ', given once and not as a list' : ''
}

function amount(origin: string, bound: string, value: number | bigint): string {
  const unit = units[origin]
  return unit ? `have ${bound} ${value} ${unit[Number(value) === 1 ? 0 : 1]}` : `be ${bound} ${value}`
}
