import { gunzipSync } from 'node:zlib'
import { initTRPC } from '@trpc/server'
import { describe, expect, test } from 'vitest'
import { describeCode, type ErrorCode, errorCodes, VisionError } from '../../core/domain/errors.ts'
import { createHttpApp } from '../../core/http/app.ts'
import { toErrorResponse } from '../../core/http/error-response.ts'
import { escapeHtml } from '../../core/http/pages/page.ts'
import { type KeyFor, referenceFiles } from '../../core/http/pages/reference-page.ts'
import { toProblem } from '../../core/http/problem.ts'

const services = {
  authenticate: () => Promise.reject(new VisionError('request.unauthenticated')),
  log: () => undefined,
  isReady: async () => true,
  now: () => 0,
  randomBytes: (bytes: number) => Buffer.alloc(bytes),
}
const serveWith = (keyFor?: KeyFor) =>
  createHttpApp(
    {
      name: 'pages',
      info: { title: 'Pages & co' },
      resources: [],
      router: initTRPC.create().router({}),
      reference: { keyFor },
    },
    services,
  )
const app = serveWith()

describe('the type of a problem', () => {
  test('leads, from the address of the call, to a page that describes its code', async () => {
    for (const code of Object.keys(errorCodes) as ErrorCode[]) {
      const { type } = toProblem(toErrorResponse(new VisionError(code)), 'r-1')
      const shown = toErrorResponse(new VisionError(code)).code
      expect(type).toBe(`/problems/${shown}`)
      for (const path of [new URL(type, 'https://api.example/v1/jobs/7').pathname, `/problems/${code}`]) {
        const page = await app.request(path)
        expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=UTF-8'])
      }
      const text = await (await app.request(`/problems/${code}`)).text()
      expect(text).toContain(`<h1>${code}</h1>`)
      expect(text).toContain(escapeHtml(describeCode(code).message))
    }
  })

  test('comes with a call that fails', async () => {
    const reply = await app.request('/nowhere')
    expect(await reply.json()).toMatchObject({ type: '/problems/request.not_found', code: 'request.not_found' })
  })

  test('of all codes there is one page, and none of a code that there is not', async () => {
    const page = await (await app.request('/problems')).text()
    for (const code of Object.keys(errorCodes)) expect(page).toContain(`<dt id="${code}">`)
    for (const path of ['/problems/no.such', '/problems/constructor', '/problems/%3Cscript%3E']) {
      expect((await app.request(path)).status).toBe(404)
    }
    expect((await app.request('/problems', { method: 'POST' })).headers.get('allow')).toBe('GET, HEAD')
  })
})

describe('the reference page', () => {
  test('is named by the index, and keeps to its own origin', async () => {
    expect(await (await app.request('/')).json()).toMatchObject({ docs: '/docs' })
    const page = await app.request('/docs')
    expect(page.status).toBe(200)
    const policy = page.headers.get('content-security-policy')
    expect(policy).toContain("default-src 'self'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toContain('unsafe')
    const html = await page.text()
    expect(html).toContain('<title>Pages &amp; co</title>')
    expect(html).not.toMatch(/https?:/)
    expect((await app.request('/docs/')).headers.get('location')).toBe('/docs')
  })

  test('its files are served, packed for who takes that, and no other file is', async () => {
    for (const [file, type] of Object.entries(referenceFiles)) {
      const plain = await app.request(`/docs/${file}`)
      expect([plain.status, plain.headers.get('content-type')]).toEqual([200, type])
      const packed = await app.request(`/docs/${file}`, { headers: { 'accept-encoding': 'gzip' } })
      expect(packed.headers.get('content-encoding')).toBe('gzip')
      const bytes = Buffer.from(await packed.arrayBuffer())
      expect(gunzipSync(bytes).toString()).toBe(await plain.text())
      expect(bytes.length).toBeLessThan(600_000)
    }
    expect((await app.request('/docs/start.js')).headers.get('content-type')).toContain('javascript')
    for (const path of ['package.json', 'index.html', '..%2Fzod%2Fpackage.json', 'constructor', 'swagger-ui.css/x']) {
      expect([path, (await app.request(`/docs/${path}`)).status]).toEqual([path, 404])
    }
  })

  test('contains the caller’s key only if there is one, and is not cached', async () => {
    const asked: unknown[] = []
    const withKey = serveWith(({ headers }, bindings) => {
      asked.push(bindings)
      return headers.get('host') === 'localhost' ? 'vpk_"<key>' : undefined
    })
    const mine = await withKey.request('/docs', { headers: { host: 'localhost' } }, { incoming: 1 })
    expect(await mine.text()).toContain('data-key="vpk_&quot;&lt;key&gt;"')
    expect(mine.headers.get('cache-control')).toBe('no-store')
    expect(asked).toEqual([{ incoming: 1 }])
    expect(await (await withKey.request('/docs', { headers: { host: 'evil.example' } })).text()).not.toContain('vpk_')
    // A script can be run by a page of any origin, which could then read what is in it.
    expect(await (await withKey.request('/docs/start.js', { headers: { host: 'localhost' } })).text()).not.toContain(
      'vpk_',
    )
  })
})
