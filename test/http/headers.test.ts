import { expect, test, vi } from 'vitest'
import * as z from 'zod'
import { createHttpApp } from '../../core/http/app.ts'
import { encodeCursor } from '../../core/http/cursor.ts'
import { restoreFetch } from '../../core/http/fetch/install.ts'
import type { Meta } from '../../core/http/meta.ts'
import { pageFields } from '../../core/http/page-fields.ts'
import { createProcedures } from '../../core/http/trpc/trpc.ts'
import { validated } from '../../core/http/validation.ts'
import { json } from '../support/api/test-api.ts'

const { procedure, router } = createProcedures()

/** Every list of the API has its page in this form. */
const Page = z.object({ things: z.array(z.int()), nextCursor: z.string().nullable() }).meta({ id: 'Page' })
const listMeta: Meta = {
  rest: 'GET /v1/things',
  status: 200,
  scope: 'read',
  summary: 'List things',
  description: 'All of them.',
  errors: [],
  output: async () => Page,
}
const ListThings = z.strictObject({ limit: z.int().default(2), ...pageFields }).prefault({})
const things = {
  name: 'things',
  description: 'Things.',
  procedures: {
    listThings: procedure
      .meta(listMeta)
      .input(validated(async () => ListThings))
      .query(({ input: { cursor = 0, limit } }) => {
        const page = [1, 2, 3].filter((thing) => thing > cursor).slice(0, limit)
        return { things: page, nextCursor: page.includes(3) ? null : encodeCursor(page.at(-1) ?? 0) }
      }),
    listOldThings: procedure
      .meta({
        ...listMeta,
        rest: 'GET /v1/old-things',
        deprecated: { since: '2026-11-27', sunset: '2027-11-27', link: '/docs#things' },
      })
      .input(validated(async () => ListThings))
      .query(() => ({ things: [1], nextCursor: encodeCursor(1) })),
    changeOldThing: procedure
      .meta({
        ...listMeta,
        rest: 'POST /v1/old-things',
        output: async () => z.object({}),
        deprecated: { since: '2026-11-27', link: '/docs#things' },
      })
      .input(validated(async () => z.strictObject({ thing: z.int() })))
      .mutation(() => ({})),
  },
}
const app = createHttpApp(
  { name: 'things', info: { title: 'Things', version: '1' }, resources: [things], router: router(things.procedures) },
  {
    authenticate: async () => ({ userId: 'ann', scopes: new Set(['read'] as const) }),
    log: () => undefined,
    isReady: async () => true,
    now: () => 0,
    randomBytes: (bytes: number) => Buffer.alloc(bytes),
  },
)
const deprecation = '@1795737600'

test('every list names its next page in a Link, and the last page none', async () => {
  let path: string | undefined = '/v1/things?limit=2'
  const seen: number[][] = []
  while (path !== undefined) {
    const reply: Response = await app.request(path)
    seen.push((await json(reply)).things)
    const [, query] = /^<(\?[^>]*)>; rel="next"$/.exec(reply.headers.get('link') ?? '') ?? []
    path = query === undefined ? undefined : `/v1/things${query}`
    expect(path === undefined || path.includes('limit=2')).toBe(true)
  }
  expect(seen).toEqual([[1, 2], [3]])
})

test('every reply has the ids of its request, whatever makes it, and is made once', async () => {
  const { Response } = globalThis
  let made = 0
  class Counted extends Response {
    constructor(...args: ConstructorParameters<typeof Response>) {
      super(...args)
      made++
    }
  }
  vi.stubGlobal('Response', Counted)
  // Where another file of the worker has loaded our fetch, its name comes before that of the global object.
  restoreFetch()
  try {
    const paths = [
      '/',
      '/v1/things',
      '/v1/nothing',
      '/v1/things?unknown=1',
      '/api/trpc/listThings',
      '/api/trpc/nothing',
    ]
    for (const path of [...paths, '/openapi.json']) {
      made = 0
      const { headers } = await app.request(path, {
        headers: { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00` },
      })
      expect([headers.get('x-request-id'), headers.get('x-trace-id')], path).toEqual([
        expect.stringMatching(/^[0-9a-f-]{36}$/),
        'a'.repeat(32),
      ])
      expect(made, path).toBe(1)
    }
  } finally {
    vi.unstubAllGlobals()
    restoreFetch()
  }
})

test('a deprecated operation says since when, until when and what instead, beside the next page', async () => {
  const reply = await app.request('/v1/old-things')
  expect(Object.fromEntries(reply.headers)).toMatchObject({
    deprecation,
    sunset: 'Sat, 27 Nov 2027 00:00:00 GMT',
    link: expect.stringMatching(
      /^<\/docs#things>; rel="deprecation", <\/docs#things>; rel="sunset", <\?cursor=[^>]*>; rel="next"$/,
    ),
  })
})

test('its refusals say so, too, and so does tRPC, also of several calls in one', async () => {
  const refused = await app.request('/v1/old-things', { method: 'POST', body: '{}' })
  expect(refused.ok).toBe(false)
  expect([refused.headers.get('deprecation'), refused.headers.get('sunset')]).toEqual([deprecation, null])
  for (const path of ['listOldThings', 'listThings,listOldThings?batch=1&input={}']) {
    const reply = await app.request(`/api/trpc/${path}`)
    expect([reply.status, reply.headers.get('deprecation')]).toEqual([200, deprecation])
  }
  for (const path of ['/v1/things', '/api/trpc/listThings', '/']) {
    expect((await app.request(path)).headers.has('deprecation')).toBe(false)
  }
})

test('the document says what is deprecated and which lists have pages', async () => {
  const { paths } = await json(app.request('/openapi.json'))
  const { get: current } = paths['/v1/things']
  const { get: old, post } = paths['/v1/old-things']
  expect([current.deprecated, old.deprecated, post.deprecated]).toEqual([undefined, true, true])
  expect(Object.keys(current.responses[200].headers)).toContain('link')
  expect(Object.keys(current.responses[200].headers)).not.toContain('deprecation')
  expect(Object.keys(old.responses[200].headers)).toEqual(expect.arrayContaining(['deprecation', 'sunset', 'link']))
})
