import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { InvalidInput } from '../../core/http/invalid-input.ts'
import { checkJson, maxDepth, parseJson } from '../../core/http/json.ts'
import { createTestApi, job, json, type TestApi } from '../support/api/test-api.ts'

/** What is wrong with a text, by pointer. */
function problemsOf(text: string): Record<string, string> {
  try {
    parseJson(text)
    return {}
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error
    return Object.fromEntries(error.fields.map(({ pointer, code }) => [pointer, code]))
  }
}

describe('JSON that would be changed', () => {
  test.each<[string, Record<string, string>]>([
    ['{"a":{"__proto__":{"b":1}}}', { '#/a/__proto__': 'json.forbidden_name' }],
    ['{"a":{"\\u005f_proto__":1}}', { '#/a/__proto__': 'json.forbidden_name' }],
    ['{"a":1,"b":{"a":2},"a":3}', { '#/a': 'json.duplicate_name' }],
    ['[{"x":1},{"x":1,"\\u0078":2}]', { '#/1/x': 'json.duplicate_name' }],
    ['{"a":[1,1e400]}', { '#/a/1': 'json.inexact_number' }],
    ['{"a":-1e-400}', { '#/a': 'json.inexact_number' }],
    [
      '{"a":9007199254740993,"b":[{"c":12345678901234567890}]}',
      { '#/a': 'json.inexact_number', '#/b/0/c': 'json.inexact_number' },
    ],
    ['[0.12345678901234567890123]', { '#/0': 'json.inexact_number' }],
    [`[${'1'.repeat(5000)}]`, { '#/0': 'json.inexact_number' }],
    ['{"a":"\\ud800"}', { '#/a': 'json.lone_surrogate' }],
    ['{"a":["x","\\udc00\\ud83c"]}', { '#/a/1': 'json.lone_surrogate' }],
    ['{"\\ud800":1}', { '#/%EF%BF%BD': 'json.lone_surrogate' }],
    ['"\\ud800"', { '#': 'json.lone_surrogate' }],
  ])('is refused by its place: %s', (text, expected) => expect(problemsOf(text)).toEqual(expected))

  test.each([
    '{"a":"\\ud83c\\udf38","b":"\\\\ud800","c":"say \\"{[1e400,\\"","d":"\\u0000"}',
    '{"constructor":1,"proto":{"a":1},"b":{"a":2},"c":[{"a":3},{"a":4}]}',
    '[0,-0,1.50,0.1,1e2,1E+2,0.30000000000000004,0.10000000000000001,9007199254740992,1e22,1.7976931348623157e308,5e-324]',
    '[10000000000000000000000,0.1000000000000000055511151231257827021181583404541015625]',
    ' {\n "a" : [ ] , "b" : { } , "" : { "" : null } }\t',
    '"just text"',
    '-12.5',
    `${'['.repeat(maxDepth)}${']'.repeat(maxDepth)}`,
  ])('is all that is: %s is taken as JSON.parse takes it', (text) => expect(parseJson(text)).toEqual(JSON.parse(text)))

  test.each(['{"a":', '{"a', '[1,]', '{,}', '01', '"\\x"', '{"\\x":1}', '}', ']]]', '1 2', '', '-', '\u0000'])(
    'is not what is no JSON at all: %j',
    (text) => expect(() => parseJson(text)).toThrow(SyntaxError),
  )

  test('is too deep as soon as it is, however deep it goes, and whether it ends or not', () => {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const deep = open.repeat(maxDepth + 1)
      for (const text of [`${deep}1${close.repeat(maxDepth + 1)}`, deep, open.repeat(1_000_000)]) {
        expect(problemsOf(text)).toEqual({ '#': 'json.too_deep' })
      }
    }
    // Beside each other they are not deep.
    checkJson(`[${'[],'.repeat(1000)}1]`)
  })

  test('is told of a hundred times at most, and by pointers that are not endless', () => {
    const text = `{"${'x'.repeat(100_000)}":[${'1e400,'.repeat(200)}1]}`
    const error = (() => {
      try {
        return checkJson(text)
      } catch (caught) {
        return caught
      }
    })() as InvalidInput
    expect(error.fields).toHaveLength(100)
    expect(JSON.stringify(error.fields).length).toBeLessThan(100_000)
  })
})

describe('over HTTP', () => {
  let api: TestApi
  beforeAll(async () => {
    api = await createTestApi()
  })
  afterAll(() => api.drop())

  const bodyWith = (metadata: string) =>
    JSON.stringify({ ...job, metadata: 0 }).replace('"metadata":0', `"metadata":${metadata}`)

  test.each([
    ['{"a":{"__proto__":1}}', '#/metadata/a/__proto__', 'json.forbidden_name'],
    ['{"a":1e400}', '#/metadata/a', 'json.inexact_number'],
    ['{"id":12345678901234567890}', '#/metadata/id', 'json.inexact_number'],
    ['{"a":"\\ud800"}', '#/metadata/a', 'json.lone_surrogate'],
    ['{"a":1,"a":2}', '#/metadata/a', 'json.duplicate_name'],
    [`${'{"a":'.repeat(70)}1${'}'.repeat(70)}`, '#', 'json.too_deep'],
    [`${'{"a":'.repeat(500_000)}1${'}'.repeat(500_000)}`, '#', 'json.too_deep'],
  ])('metadata is answered as it was sent, or refused: %.40s', async (metadata, pointer, code) => {
    const body = bodyWith(metadata)
    const rest = await api.call('POST', '/v1/jobs', { as: 'ann', body })
    expect([rest.status, (await json(rest)).errors]).toMatchObject([400, [{ pointer, code }]])
    const trpc = await api.call('POST', '/api/trpc/visionPipeline.createJob', { as: 'ann', body })
    expect([trpc.status, (await json(trpc)).error.data.errors]).toMatchObject([400, [{ pointer, code }]])
    const batch = await api.call('POST', '/api/trpc/visionPipeline.createJob,visionPipeline.createJob?batch=1', {
      as: 'ann',
      body: `{"0":${body},"1":${JSON.stringify(job)}}`,
    })
    expect(await json(batch)).toMatchObject(
      [1, 2].map(() => ({ error: { data: { httpStatus: 400, errors: [{ code }] } } })),
    )
    expect(await api.database.sql('SELECT id FROM vision_jobs')).toEqual([])
  })

  test('an answer to an input of nothing but mistakes is not larger than the input may be', async () => {
    const fields = Array.from({ length: 50_000 }, (_, index) => `"${'ü'.repeat(20)}${index}":1`)
    const reply = await api.call('POST', '/v1/jobs', { as: 'ann', body: `{${fields.join(',')}}` })
    expect((await json(reply)).errors.length).toBeLessThanOrEqual(100)
  })
})
