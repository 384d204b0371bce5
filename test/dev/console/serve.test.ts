import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { HttpBindings } from '@hono/node-server'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadConsoleConfig } from '../../../core/platform/config/console.ts'
import { withConsole } from '../../../dev/console/serve.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'console-'))
  await mkdir(join(folder, 'assets'))
  await writeFile(join(folder, 'index.html'), '<!doctype html><head></head>the page')
  await writeFile(join(folder, 'assets/index-1.js'), 'the program')
  await writeFile(join(folder, 'assets/picture-1.png'), Buffer.from([0x89, 0x50, 0xff, 0x00]))
  await writeFile(join(folder, 'secret.txt'), 'a secret')
})
afterAll(() => rm(folder, { recursive: true }))

const serve = (files: () => Promise<string>, settings: Record<string, string> = {}) => {
  const served = withConsole(() => new Response('the API'), {
    folder: files,
    origins: () => ['http://127.0.0.1:9000'],
    config: loadConsoleConfig(settings),
  })
  return async (path: string, init?: RequestInit) =>
    served(new Request(`http://localhost:3000${path}`, init), {} as HttpBindings)
}
const get = serve(async () => folder)
const html = { headers: { accept: 'text/html,application/xhtml+xml' } }

test('a browser that asks for / is led to the console, and a program is not', async () => {
  const response = await get('/', html)
  expect([response.status, response.headers.get('location')]).toEqual([302, '/console/'])
  expect((await get('/console', html)).headers.get('location')).toBe('/console/')
  expect(await (await get('/')).text()).toBe('the API')
  expect(await (await get('/', { ...html, method: 'POST' })).text()).toBe('the API')
  expect(await (await get('/v1/jobs', html)).text()).toBe('the API')
  expect(await (await get('/console/', { method: 'POST' })).text()).toBe('the API')
})

test('every address of the console is the page, which loads from here and the bucket alone', async () => {
  for (const path of ['/console/', '/console/batches/5?show=Failed', '/console/assets/..%2Fsecret.txt']) {
    const response = await get(path)
    expect(await response.text()).toBe('<!doctype html><head></head>the page')
    const policy = response.headers.get('content-security-policy')
    expect(policy).toContain("default-src 'self'")
    expect(policy).toContain("connect-src 'self' http://127.0.0.1:9000")
    expect(policy).not.toMatch(/unsafe|\*/)
    expect(response.headers.get('cache-control')).toBe('no-store')
  }
})

test('where people sign in at an issuer, the page names it, and may call it and load nothing from it', async () => {
  const settings = {
    AUTH_JWKS_URL: 'https://login.example/keys',
    AUTH_ISSUER: 'https://login.example/"tenant"/',
    AUTH_AUDIENCE: 'https://api.example',
    CONSOLE_CLIENT_ID: 'console',
    CONSOLE_TOKEN_ORIGIN: 'https://tokens.example',
  }
  const response = await serve(async () => folder, settings)('/console/')
  const [, content = ''] = /<meta name="sign-in" content="([^"]*)">/.exec(await response.text()) ?? []
  expect(JSON.parse(content.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code))))).toEqual({
    issuer: settings.AUTH_ISSUER,
    clientId: 'console',
    scopes: 'openid',
    audience: 'https://api.example',
  })
  const policy = response.headers.get('content-security-policy')
  expect(policy).toContain("connect-src 'self' http://127.0.0.1:9000 https://login.example https://tokens.example;")
  expect(policy).toContain("img-src 'self' blob: data: http://127.0.0.1:9000;")
  expect(await (await get('/console/')).text()).not.toContain('meta')
})

test('its files are served for ever by their names, and nothing else of the folder', async () => {
  await get('/console/')
  const program = await get('/console/assets/index-1.js')
  expect(await program.text()).toBe('the program')
  expect(program.headers.get('content-type')).toBe('text/javascript; charset=utf-8')
  expect(program.headers.get('cache-control')).toContain('immutable')
  const picture = await get('/console/assets/picture-1.png')
  expect(picture.headers.get('content-type')).toBe('image/png')
  expect([...(await picture.bytes())]).toEqual([0x89, 0x50, 0xff, 0x00])
  expect((await get('/console/assets/index-2.js')).status).toBe(404)
  expect(await (await get('/console/secret.txt')).text()).not.toContain('a secret')
})

test('what is wrong with the build is said where the page would be', async () => {
  const broken = serve(async () => {
    throw new Error('page.tsx:1 is no JavaScript')
  })
  const response = await broken('/console/')
  expect(response.status).toBe(500)
  expect(await response.text()).toContain('page.tsx:1 is no JavaScript')
})
