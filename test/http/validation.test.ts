import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { appRouter, resources } from '../../core/api/router.ts'
import { operationsOf } from '../../core/http/operations.ts'
import { deferred, describeIssue, type ValidatedInput, validated } from '../../core/http/validation.ts'
import { hexColour } from '../../core/pipeline/fields.ts'

test('the schemas of a module are loaded when one is first needed, and once', async () => {
  let loads = 0
  const schema = deferred(async () => {
    loads++
    return { Name: z.string(), Age: z.number() }
  })
  const [name, age] = [schema('Name'), schema('Age')]
  expect(loads).toBe(0)
  expect((await name()).parse('ann')).toBe('ann')
  expect((await age()).parse(7)).toBe(7)
  await name()
  expect(loads).toBe(1)
})

test('a module that could not be loaded is loaded again by the next call', async () => {
  let loads = 0
  const name = deferred(async () => {
    loads++
    if (loads === 1) throw new Error('too many open files')
    return { Name: z.string() }
  })('Name')
  const failed = await Promise.allSettled([name(), name()])
  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect((await name()).parse('ann')).toBe('ann')
  expect(loads).toBe(2)
})

test('what is wrong is said in words, and not by a pattern', async () => {
  const { formats } = await import('../../core/pipeline/formats.ts')
  const { Facts } = await import('../../core/pipeline/brand.ts')
  const said = (schema: z.ZodType, value: unknown) =>
    schema.safeParse(value, { error: describeIssue }).error?.issues.map(({ message }) => message)
  const post = { caption: 'x', hashtags: ['spring sale'], callToAction: 'y' }
  expect(said(formats.social_post.schema, post)).toEqual([
    'must be # and one word of letters, digits and underscores, like #SpringSale',
  ])
  // A parameter of a query that was repeated.
  expect(said(z.int(), ['5', '6'])).toEqual(['must be a whole number, given once and not as a list'])
  expect(said(z.int(), [5, 6])).toEqual(['must be a whole number'])
  expect(said(z.enum(['a', 'b']), ['a', 'b'])).toEqual(['must be one of a, b, given once and not as a list'])
  expect(said(hexColour, 'red')).toEqual(['must be a colour like #1a2b3c'])
  expect(said(Facts, { '': 'x' })).toEqual(['has a name that must not be empty'])
  expect(said(Facts, { [`${'x'.repeat(61)}`]: 'x' })).toEqual(['has a name that must have at most 60 characters'])
})

const oddId = fc.constantFrom(0, -1, -0, 1.5, 1e300, 2 ** 53, Number.NaN, '1', '', null, undefined, true, [1], {}, 1n)

/** Inputs with the ids that make a whole one: all valid, one of another kind, one left out, something more. */
function withIds(ids: readonly string[]): fc.Arbitrary<unknown> {
  const whole = fc.record(
    Object.fromEntries(ids.map((name) => [name, fc.oneof(oddId, fc.constantFrom(1, 2 ** 53 - 1))])),
  )
  const partly = fc.record(Object.fromEntries(ids.map((name) => [name, fc.integer()])), { requiredKeys: [] })
  const more = fc.tuple(whole, fc.constantFrom('lastEventId', 'other', '__proto__', '0'), fc.constantFrom('7', 7, null))
  return fc.oneof(
    { arbitrary: whole, weight: 3 },
    partly,
    more.map(([input, name, value]) => Object.fromEntries([...Object.entries(input), [name, value]])),
    fc.constantFrom(null, undefined, 1, 'x', [], [1]),
  )
}

const outcomeOf = async (read: () => unknown) => {
  try {
    return { output: await read() }
  } catch (error) {
    return { issues: (error as z.ZodError).issues }
  }
}

const procedures = Object.entries<{ _def: { inputs: readonly ValidatedInput<z.ZodType>[] } }>(
  appRouter._def.procedures as never,
)
const byIds = procedures.flatMap(([path, { _def }]) => {
  const [input] = _def.inputs
  return input && input.ids.length > 0 ? [[path, input] as const] : []
})

test('procedures of one job and of one batch take ids without a schema', () => {
  const ids = new Set(byIds.map(([, input]) => input.ids.join()))
  expect([...ids].toSorted()).toEqual(['batchId', 'jobId'])
})

test.each(byIds)('%s reads an input that is ids alone as its schema does', async (path, { ids, schema, parse }) => {
  const zod = await schema()
  let taken = 0
  await fc.assert(
    fc.asyncProperty(withIds(ids), async (value) => {
      const read = await outcomeOf(() => parse(value))
      expect(read).toEqual(await outcomeOf(() => zod.parse(value, { error: describeIssue })))
      if ('output' in read) taken++
    }),
    { numRuns: 200 },
  )
  expect(taken).toBeGreaterThan(20)
  const operation = operationsOf(appRouter, resources).find((one) => one.path === path)
  for (const text of ['1', '0', '01', '-1', '1.5', '1e3', '9007199254740992', 'x', '', ' 1']) {
    for (const texts of [[text], [text, '2']]) {
      const params = new URLSearchParams(ids.flatMap((name) => texts.map((one): [string, string] => [name, one])))
      const byIdsAlone = await operation?.fromText(params)
      params.append('other', 'x')
      // With a field that is none of the ids, all are read by the schema.
      expect({ ...byIdsAlone, other: 'x' }).toEqual(await operation?.fromText(params))
    }
  }
})

test('an input that is ids alone leaves the schema where it is', async () => {
  const { parse } = validated(() => Promise.reject(new Error('was loaded')), ['jobId'])
  expect(await parse({ jobId: 7 })).toEqual({ jobId: 7 })
  await expect(parse({ jobId: '7' })).rejects.toThrow('was loaded')
})
