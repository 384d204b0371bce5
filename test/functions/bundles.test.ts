import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Bundle, bundle, functionNames, statedSizes } from '../support/bundle.ts'

const names = await functionNames()
const bundles = new Map<string, Bundle>()
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vision-bundles-'))
  for (const name of names) bundles.set(name, await bundle(name, folder))
})
afterAll(() => rm(folder, { recursive: true }))

const packagesOf = (name: string) => bundles.get(name)?.packages ?? []

describe.each(names)('functions/%s.ts as it is deployed', (name) => {
  test('is as large as README.md says, give or take two in a hundred', async () => {
    const stated = (await statedSizes())[name]
    const { bytes = 0 } = bundles.get(name) ?? {}
    expect(stated, `README.md does not state the size: ${bytes} bytes`).toBeDefined()
    expect(bytes).toBeLessThanOrEqual(Number(stated) * 1.02)
    expect(bytes).toBeGreaterThanOrEqual(Number(stated) * 0.98)
  })

  test('holds nothing that is there for development', () => {
    const found = packagesOf(name).filter((one) => /sharp|heic|s3rver|vitest|busboy|node-server|trpc\/client/.test(one))
    expect(found).toEqual([])
  })
})

test('who serves has no SDK of a provider, and who streams has none of the storage', () => {
  const sdks = (name: string) => packagesOf(name).filter((one) => /^openai$|generative-ai$|client-s3$/.test(one))
  expect(sdks('api')).toEqual(['@aws-sdk/client-s3'])
  expect(sdks('stream')).toEqual([])
  expect(sdks('poller')).toEqual(['@aws-sdk/client-s3', '@google/generative-ai', 'openai'])
})

test('who works has nothing of the HTTP surface', () => {
  expect(packagesOf('poller').filter((one) => /hono|trpc/.test(one))).toEqual([])
})
