import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

// Which file of the project imports which.

/** The folder of the project. */
export const root = resolve(import.meta.dirname, '../..')
/** The folders with sources of ours. */
export const folders = [
  'core',
  'functions',
  'drizzle',
  'infra',
  'cli',
  'dev',
  'eval',
  'bench',
  'examples',
  'client/src',
  'client/scripts',
  'console',
  'test',
]

export interface Import {
  readonly from: string
  /** A path from the root of the project, or the name of a package. */
  readonly to: string
  readonly isType: boolean
}

/** Every source file, as a path from the root. */
export const sources = folders.flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => join(folder, file))
    .filter((file) => /\.(tsx?|mts|mjs)$/.test(file) && !file.includes('node_modules')),
)
/** What each says, without its comments. */
export const text = new Map(sources.map((file) => [file, withoutComments(readFileSync(join(root, file), 'utf8'))]))
/** Every import of every source. */
export const imports = sources.flatMap((file) => importsOf(file, text.get(file) ?? ''))

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

/** Whether a file is in a folder. */
export const within = (folder: string) => (file: string) => file.startsWith(`${folder}/`)
/** Whether an import leads to a file of ours, and not to a package. */
export const isOurs = (file: string) => folders.some((folder) => within(folder)(file))
/** The imports from some files to others, as `from -> to`. */
export const edges = (from: (file: string) => boolean, to: (file: string) => boolean) =>
  imports.filter((edge) => from(edge.from) && to(edge.to)).map((edge) => `${edge.from} -> ${edge.to}`)
