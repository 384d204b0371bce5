import { afterAll, expect } from 'vitest'
import { readCsv } from '../../core/api/batches/read-csv.ts'
import { createTestApi, job, json, type TestApi } from '../support/api/test-api.ts'
import { test } from '../support/database/test.ts'

let api: TestApi
test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({ database: workerDatabase })
})
afterAll(() => api.drop())

const { imageUrl } = job
const defaults = { analysisPurpose: 'Sell it', outputFormat: 'summary', facts: { maker: 'Fernhill' } }
const create = async (user: string, body: object = {}): Promise<number> =>
  (await json(api.call('POST', '/v1/batches', { as: user, body: { defaults, ...body } }))).batchId
const send = (
  user: string,
  batchId: number,
  csv: string | Uint8Array,
  type = 'text/csv; charset=utf-8',
  headers = {},
) =>
  api.call('POST', `/v1/batches/${batchId}/csv`, {
    as: user,
    body: csv as string,
    headers: { 'content-type': type, ...headers },
  })
const jobsOf = (batchId: number) =>
  api.database.sql(
    'SELECT language, facts, metadata, output_format AS format FROM vision_jobs WHERE batch_id = ? ORDER BY id',
    [batchId],
  )

test('a row becomes a job with its SKU as metadata and the other columns as facts', async () => {
  const batchId = await create('ann')
  const csv = `\ufeffImage URL;SKU;language;output_format;Preis;Material\r\n${imageUrl};TR-7;de;;"129,00 €";"Nylon; ""recycelt""\r\nund Leder"\r\n${imageUrl};;fr;alt_text;;日本製\r\n\r\n`
  const reply = await send('ann', batchId, csv)
  expect([reply.status, await json(reply)]).toEqual([
    200,
    { rows: 2, jobs: 2, replayed: 0, rejectedRows: 0, rejected: [], more: false },
  ])
  const rows = (await jobsOf(batchId)).map((row) => ({
    ...row,
    facts: JSON.parse(String(row.facts)),
    metadata: JSON.parse(String(row.metadata)),
  }))
  expect(rows).toEqual([
    {
      language: 'de',
      format: 'summary',
      metadata: { sku: 'TR-7' },
      facts: { maker: 'Fernhill', Preis: '129,00 €', Material: 'Nylon; "recycelt"\nund Leder' },
    },
    { language: 'fr', format: 'alt_text', metadata: null, facts: { maker: 'Fernhill', Material: '日本製' } },
  ])
  const again = await json(send('ann', batchId, csv))
  expect(again).toMatchObject({ jobs: 2, replayed: 2 })
  expect(await jobsOf(batchId)).toHaveLength(2)
  // The same rows in another batch are other jobs.
  expect(await json(send('ann', await create('ann'), csv))).toMatchObject({ jobs: 2, replayed: 0 })
  expect((await send('mallory', batchId, csv)).status).toBe(404)
})

test('a column may have any name that a fact may have, and an empty column none', async () => {
  const batchId = await create('fay')
  const reply = await send('fay', batchId, `imageUrl,Constructor,toString,\n${imageUrl},Lotus,72,\n`)
  expect([reply.status, await json(reply)]).toEqual([200, expect.objectContaining({ jobs: 1 })])
  const [row] = await jobsOf(batchId)
  expect(JSON.parse(String(row?.facts))).toMatchObject({ Constructor: 'Lotus', toString: '72' })
})

test('a first line sep=; says what separates, and is counted as a line', async () => {
  const batchId = await create('gus')
  const rows = `\uFEFFsep=;\r\nimageUrl;a,b,c,d\r\n${imageUrl};1\r\n`
  const wrong = await json(send('gus', batchId, `${rows}${imageUrl};2;3\r\n`))
  expect(wrong.errors[0].detail).toBe('line 4 has 3 cells for 2 columns')
  expect(await json(send('gus', batchId, rows))).toMatchObject({ rows: 1, jobs: 1 })
  const [row] = await jobsOf(batchId)
  expect(JSON.parse(String(row?.facts))).toMatchObject({ 'a,b,c,d': '1' })
})

test('more rows than one transaction takes are made in the order of the lines', async () => {
  const batchId = await create('bea')
  const lines = Array.from({ length: 250 }, (_, n) => `${imageUrl},${n}`)
  expect(await json(send('bea', batchId, ['imageUrl,sku', ...lines].join('\n')))).toMatchObject({
    rows: 250,
    jobs: 250,
  })
  const skus = (await jobsOf(batchId)).map(({ metadata }) => JSON.parse(String(metadata)).sku)
  expect(skus).toEqual(Array.from({ length: 250 }, (_, n) => String(n)))
})

test('what is wrong is said by line and column, and nothing is made, or with skip the rest', async () => {
  const csv = `imageUrl,language,price\n${imageUrl},"x\ny",1\n${imageUrl},de,2\nnot a url,de,3\n${imageUrl},en,${'9'.repeat(600)}\n`
  const strict = await create('cyd')
  const refused = await send('cyd', strict, csv)
  const { errors } = await json(refused)
  expect([refused.status, errors.map(({ detail }: { detail: string }) => detail.split(':')[0])]).toEqual([
    400,
    ['line 2, column language', 'line 6, column price'],
  ])
  expect(await jobsOf(strict)).toEqual([])
  const lenient = await create('cyd', { onInvalid: 'skip' })
  const reply = await json(send('cyd', lenient, csv))
  expect(reply).toMatchObject({ rows: 4, jobs: 1, rejectedRows: 3 })
  expect(
    reply.rejected.map((row: { line: number; errors: { column: string }[] }) => [row.line, row.errors[0]?.column]),
  ).toEqual([
    [2, 'language'],
    [5, 'imageUrl'],
    [6, 'price'],
  ])
})

test.each<[string, string, string]>([
  ['no names', '', 'must not be empty'],
  ['no column of images', 'sku,price\n1,2\n', 'has no column imageUrl, but “sku”, “price”'],
  [
    'a value without a name',
    `imageUrl,,price\n${imageUrl},red,1\n`,
    'line 2 has a value in column 2, which has no name',
  ],
  ['a column that no field may be called', `imageUrl,__proto__\n${imageUrl},1\n`, 'has a column __proto__'],
  ['two of them', 'url,image\na,b\n', 'has two columns imageUrl'],
  ['no rows', 'imageUrl\n', 'has no rows'],
  ['a quote that does not end', `imageUrl,price\n${imageUrl},"1\n`, 'cannot be read'],
  ['more cells than columns', `imageUrl\n${imageUrl},1\n`, 'line 2 has 2 cells for 1 columns'],
  ['too many rows', `imageUrl\n${`${imageUrl}\n`.repeat(10_001)}`, 'has 10001 rows'],
])('a CSV with %s is refused with what is wrong', async (_, csv, detail) => {
  const reply = await send('dot', await create('dot'), csv)
  const { errors } = await json(reply)
  expect([reply.status, errors[0]]).toEqual([
    400,
    expect.objectContaining({ pointer: '#/csv', detail: expect.stringContaining(detail) }),
  ])
})

test('its body is UTF-8 as it is, or JSON with the text in a field; over 5.5 MiB it is too large', async () => {
  const batchId = await create('eve')
  const csv = `imageUrl\n${imageUrl}\n`
  const latin = new Uint8Array([...new TextEncoder().encode(csv), 0xe9])
  const status = async (...call: Parameters<typeof send>) => (await send(...call)).status
  expect(
    (
      await api.app.request(`/v1/batches/${batchId}/csv`, {
        method: 'POST',
        body: latin,
        headers: { 'content-type': 'text/csv' },
      })
    ).status,
  ).toBe(401)
  expect(await status('eve', batchId, csv, 'text/plain')).toBe(415)
  expect(await status('eve', batchId, csv, 'text/csv', { 'content-encoding': 'gzip' })).toBe(415)
  expect(await status('eve', batchId, `imageUrl\n${'x'.repeat(6_000_000)}`)).toBe(413)
  const reply = await api.call('POST', `/v1/batches/${batchId}/csv`, { as: 'eve', body: { csv } })
  expect(await json(reply)).toMatchObject({ jobs: 1 })
  expect(await api.client('eve').importBatchCsv.mutate({ batchId, csv })).toMatchObject({ replayed: 1 })
})

test('a line is where a row begins, whatever lines its cells have', () => {
  const rows = readCsv('url,note\na,"1\n2\n3"\n\nb,4\nc,"5\r\n6"\nd,7')
  expect(rows.map(({ line, job: { imageUrl } }) => [imageUrl, line])).toEqual([
    ['a', 2],
    ['b', 6],
    ['c', 7],
    ['d', 9],
  ])
})
