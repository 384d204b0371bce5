import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundling, placeErrorTable } from '../../infra/bundling.ts'
import { type Bundle, bundle, functionNames, statedSizes } from '../support/functions/bundle.ts'

const require = createRequire(import.meta.url)
const names = await functionNames()
const stated = await statedSizes()
const bundles = new Map<string, Bundle>()
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vision-bundles-'))
  await Promise.all(names.map(async (name) => bundles.set(name, await bundle(name, join(folder, name)))))
})
afterAll(() => rm(folder, { recursive: true }))

const packagesIn = (name: string) => bundles.get(name)?.packages ?? { atStart: [], inAll: [] }
const sdksIn = (packages: readonly string[]) =>
  packages.filter((one) => /^openai$|^@google\/|^@aws-sdk\/(client-|s3-)/.test(one))

describe.each(names)('functions/%s.ts as it is deployed', (name) => {
  test.each(['atStart', 'inAll'] as const)(
    'is as large %s as docs/deploying.md says, give or take two in a hundred',
    (of) => {
      const kilobytes = (bundles.get(name)?.bytes[of] ?? 0) / 1_000
      const given = stated[name]?.[of]
      const said = `docs/deploying.md says ${given} kB, and it is ${Math.round(kilobytes)} kB`
      expect(Math.abs(kilobytes / (given ?? 0) - 1), said).toBeLessThan(0.02)
    },
  )

  test('holds nothing that is there for development', () => {
    const found = packagesIn(name).inAll.filter((one) => /sharp|heic|vitest|node-server|trpc\/client/.test(one))
    expect(found).toEqual([])
  })

  test('starts without any SDK, and without the character sets of mysql2', () => {
    const { atStart, inAll } = packagesIn(name)
    expect(sdksIn(atStart)).toEqual([])
    expect(inAll.filter((one) => bundling.esbuild.external.includes(one))).toEqual([])
  })
})

describe.each(names)('the error numbers of functions/%s.ts', (name) => {
  test('are those of mysql2, which alone looks for them', async () => {
    const load = createRequire(join(folder, name, 'bundle.mjs'))
    const table: Record<string, unknown> = { ...require('../../node_modules/mysql2/lib/constants/errors.js') }
    const numbers = load('./node_modules/mysql2/error-numbers.cjs')
    expect(Object.keys(table).length).toBeGreaterThan(3_000)
    expect(Object.fromEntries(Object.keys(table).map((key) => [key, numbers[key]]))).toEqual(table)
    expect(numbers[9_501]).toBeUndefined()
    expect(Object.keys(numbers).filter((key) => !(key in table))).toEqual([])
    expect(bundles.get(name)?.leftOut['../constants/errors.js']).toEqual(['mysql2'])
  })

  test('are looked for beside it, and a bundle that looks elsewhere is refused', async () => {
    const files = (await readdir(join(folder, name))).filter((file) => file.endsWith('.mjs'))
    const texts = await Promise.all(files.map((file) => readFile(join(folder, name, file), 'utf8')))
    expect(texts.filter((text) => text.includes('../constants/errors'))).toEqual([])
    await expect(placeErrorTable(join(folder, name))).rejects.toThrow('infra/bundling.ts')
  })
})

test('who serves has no SDK of a provider, and who streams has none at all', () => {
  const s3 = ['@aws-sdk/client-s3', '@aws-sdk/s3-presigned-post', '@aws-sdk/s3-request-presigner']
  expect(sdksIn(packagesIn('api').inAll)).toEqual(s3)
  expect(sdksIn(packagesIn('stream').inAll)).toEqual([])
  expect(sdksIn(packagesIn('poller').inAll)).toEqual(
    expect.arrayContaining(['@aws-sdk/client-s3', '@google/generative-ai', 'openai']),
  )
})

test('who works has nothing of the HTTP surface', () => {
  expect(packagesIn('poller').inAll.filter((one) => /hono|trpc/.test(one))).toEqual([])
})
