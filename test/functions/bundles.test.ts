import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Bundle, bundle, functionNames, statedSizes } from '../support/functions/bundle.ts'

const names = await functionNames()
const stated = await statedSizes()
const bundles = new Map<string, Bundle>()
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vision-bundles-'))
  await Promise.all(names.map(async (name) => bundles.set(name, await bundle(name, folder))))
})
afterAll(() => rm(folder, { recursive: true }))

const packagesIn = (name: string) => bundles.get(name)?.packages ?? []
const sdksIn = (name: string) =>
  packagesIn(name).filter((one) => /^openai$|^@google\/|^@aws-sdk\/(client-|s3-)/.test(one))

describe.each(names)('functions/%s.ts as it is deployed', (name) => {
  test('is as large as docs/deploying.md says, give or take two in a hundred', () => {
    const kilobytes = (bundles.get(name)?.bytes ?? 0) / 1_000
    const said = `docs/deploying.md says ${stated[name]} kB, and it is ${Math.round(kilobytes)} kB`
    expect(Math.abs(kilobytes / (stated[name] ?? 0) - 1), said).toBeLessThan(0.02)
  })

  test('holds nothing that is there for development', () => {
    const found = packagesIn(name).filter((one) => /sharp|heic|vitest|node-server|trpc\/client/.test(one))
    expect(found).toEqual([])
  })
})

test('who serves has no SDK of a provider, and who streams has none at all', () => {
  expect(sdksIn('api')).toEqual(['@aws-sdk/client-s3', '@aws-sdk/s3-presigned-post', '@aws-sdk/s3-request-presigner'])
  expect(sdksIn('stream')).toEqual([])
  expect(sdksIn('poller')).toEqual(expect.arrayContaining(['@aws-sdk/client-s3', '@google/generative-ai', 'openai']))
})

test('who works has nothing of the HTTP surface', () => {
  expect(packagesIn('poller').filter((one) => /hono|trpc/.test(one))).toEqual([])
})
