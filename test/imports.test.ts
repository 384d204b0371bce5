import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { commonjsModules } from '../dev/boot/commonjs-modules.mjs'

const root = resolve(import.meta.dirname, '..')
const folders = ['core', 'functions', 'drizzle', 'infra', 'cli', 'dev', 'eval', 'test']

interface Import {
  readonly from: string
  /** A path from the root of the project, or the name of a package. */
  readonly to: string
  readonly isType: boolean
}

const sources = folders.flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => join(folder, file))
    .filter((file) => /\.(ts|mts|mjs)$/.test(file) && !file.includes('node_modules')),
)
const text = new Map(sources.map((file) => [file, withoutComments(readFileSync(join(root, file), 'utf8'))]))
const imports = sources.flatMap((file) => importsOf(file, text.get(file) ?? ''))

/** Comments out, strings left: what remains is enough to find imports in formatted code. */
function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
}

function importsOf(file: string, source: string): Import[] {
  const statement = /^(?:import|export)\s+(type\s)?(?:[^'"`;]*?\sfrom\s+)?'([^']+)'/gm
  const dynamic = /\bimport\(\s*'([^']+)'/g
  const found = [
    ...[...source.matchAll(statement)].map(([, type, to = '']) => ({ to, isType: type !== undefined })),
    ...[...source.matchAll(dynamic)].map(([, to = '']) => ({ to, isType: false })),
  ]
  return found.map(({ to, isType }) => ({
    from: file,
    to: to.startsWith('.') ? relative(root, resolve(root, dirname(file), to)) : to,
    isType,
  }))
}

const within = (folder: string) => (file: string) => file.startsWith(`${folder}/`)
const isOurs = (file: string) => folders.some((folder) => within(folder)(file))
const edges = (from: (file: string) => boolean, to: (file: string) => boolean) =>
  imports.filter((edge) => from(edge.from) && to(edge.to)).map((edge) => `${edge.from} -> ${edge.to}`)

const registry = 'core/providers/registry.ts'
/** What the registry loads by import(). */
const isAdapter = (file: string) =>
  new RegExp(`import\\('\\./${file.split('/').at(-1)}'\\)`).test(text.get(registry) ?? '')

describe('who imports whom', () => {
  test('every import of ours is found, and leads to a file', () => {
    expect(imports).toContainEqual({ from: 'core/queue/claim.ts', to: 'drizzle/schema.ts', isType: false })
    expect(imports).toContainEqual({ from: 'core/queue/read.ts', to: 'core/database/client.ts', isType: true })
    expect(imports.some(({ from, isType }) => from === 'core/queue/settle.ts' && !isType)).toBe(true)
    const missing = imports.filter(({ to }) => isOurs(to) && /\.(ts|mts|mjs)$/.test(to) && !sources.includes(to))
    expect(missing.map((edge) => `${edge.from} -> ${edge.to}`)).toEqual([])
  })

  test('core imports nothing of ours but the schema', () => {
    expect(edges(within('core'), (to) => isOurs(to) && !within('core')(to) && to !== 'drizzle/schema.ts')).toEqual([])
  })

  test('drizzle imports nothing of ours', () => {
    expect(edges(within('drizzle'), (to) => isOurs(to) && !within('drizzle')(to))).toEqual([])
  })

  test('functions import core, and nothing else of ours but what applies the migrations', () => {
    expect(edges(within('functions'), (to) => isOurs(to) && !within('core')(to) && !within('functions')(to))).toEqual([
      'functions/migrate.ts -> drizzle/migrate.ts',
    ])
  })

  test('the deployment runs nothing of core: it reads the configuration, the providers’ data and the numbers that must agree', () => {
    const isData = (file: string) =>
      within('core/platform/config')(file) ||
      ['core/database/limits.ts', 'core/images/limits.ts', 'core/queue/limits.ts'].includes(file) ||
      file === registry
    expect(edges(within('infra'), (to) => isOurs(to) && !within('infra')(to) && !isData(to))).toEqual([])
    // A type costs nothing; an adapter is loaded with the first call.
    const read = new Set<string>()
    const follow = (file: string): void => {
      if (read.has(file)) return
      read.add(file)
      for (const { to, isType } of imports.filter(({ from }) => from === file))
        if (!isType && !isAdapter(to)) follow(to)
    }
    for (const { to } of imports.filter(({ from, to }) => within('infra')(from) && isData(to))) follow(to)
    expect([...read].filter((file) => !isData(file)).toSorted()).toEqual(
      [
        'core/domain/call-tokens.ts',
        'core/providers/entry.ts',
        'core/providers/gemini-refusals.ts',
        'core/providers/gemini-thinking.ts',
        'core/providers/next-midnight.ts',
        'core/providers/openai-refusals.ts',
        'core/providers/prices.ts',
        'core/providers/refusals.ts',
      ].toSorted(),
    )
    expect(edges((from) => !within('infra')(from) && !within('test')(from), within('infra'))).toEqual([])
  })

  test('the queue and the pipeline know nothing of each other', () => {
    expect(edges(within('core/queue'), within('core/pipeline'))).toEqual([])
    expect(edges(within('core/pipeline'), within('core/queue'))).toEqual([])
  })

  test('only the local stack, the commands, the evaluation and the tests import the local stack', () => {
    const may = (from: string) => ['dev', 'cli', 'eval', 'test'].some((folder) => within(folder)(from))
    expect(edges((from) => !may(from), within('dev'))).toEqual([])
    expect(edges((from) => !within('cli')(from) && !within('test')(from), within('cli'))).toEqual([])
    expect(edges((from) => !within('eval')(from) && !within('test')(from), within('eval'))).toEqual([])
  })

  test('every module of drizzle-orm that is imported is listed to be loaded by its CommonJS files', () => {
    const modules = imports.filter(({ to, isType }) => /^drizzle-orm(\/|$)/.test(to) && !isType).map(({ to }) => to)
    expect([...new Set(modules)].sort()).toEqual([...commonjsModules].sort())
  })

  test('nothing imports a test', () => {
    expect(edges((from) => !within('test')(from), within('test'))).toEqual([])
  })

  test('no file is imported by what it imports', () => {
    const next = Map.groupBy(
      imports.filter(({ to, isType }) => sources.includes(to) && !isType),
      ({ from }) => from,
    )
    const done = new Set<string>()
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) throw new Error(`a cycle: ${[...path.slice(path.indexOf(file)), file].join(' -> ')}`)
      if (done.has(file)) return
      for (const { to } of next.get(file) ?? []) visit(to, [...path, file])
      done.add(file)
    }
    for (const file of sources) visit(file, [])
  })
})

test('only the configuration reads the environment', () => {
  const readers = sources.filter(
    (file) =>
      /^(core|functions|drizzle)\//.test(file) &&
      /process\s*\.\s*env|\benv\b.*from 'node:process'/.test(text.get(file) ?? ''),
  )
  expect(readers).toEqual(['core/platform/config/load.ts'])
})
