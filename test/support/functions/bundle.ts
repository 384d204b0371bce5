import { cp, readdir, readFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { build, type Metafile } from 'esbuild'
import { bundling, placeErrorTable, standIns } from '../../../infra/bundling.ts'

const root = resolve(import.meta.dirname, '../../..')

/** One function as it is deployed. */
export interface Bundle {
  /** Of what it loads when it starts, and of all its files. */
  readonly bytes: { readonly atStart: number; readonly inAll: number }
  /** The packages that are in it, and those that are loaded when it starts. */
  readonly packages: { readonly atStart: readonly string[]; readonly inAll: readonly string[] }
  /** Its files that our own code loads when it needs them: their names, by what they begin with. */
  readonly deferred: Readonly<Record<string, string>>
  /** What is left out of it, and the packages that import that. */
  readonly leftOut: Readonly<Record<string, readonly string[]>>
}

/** The functions, by the names of their files. */
export async function functionNames(): Promise<readonly string[]> {
  const files = await readdir(join(root, 'functions'))
  return files.filter((file) => file.endsWith('.ts')).map((file) => basename(file, '.ts'))
}

/**
 * Bundles a function with the options of SST 4 (its `pkg/runtime/node/build.go`) and our own: ES modules for Node 24, minified,
 * with what packages in CommonJS expect to find around them. The source map, which SST does not deploy, is left out.
 *
 * @param name of a file in functions/, or the path of another script from the root; without `.ts`
 * @param folder where the bundle goes, as `<name>.mjs` and what that imports
 * @param minify false where a person is to read its names: in a profile
 */
export async function bundle(name: string, folder: string, minify = true): Promise<Bundle> {
  const entryPoint = name.includes('/') ? `${name}.ts` : join('functions', `${name}.ts`)
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entryPoint],
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    platform: 'node',
    format: 'esm',
    target: 'es2024',
    mainFields: ['module', 'main'],
    bundle: true,
    splitting: bundling.splitting,
    keepNames: bundling.esbuild.keepNames,
    minify,
    metafile: true,
    external: ['sharp', 'pg-native', ...bundling.esbuild.external],
    logLevel: 'silent',
    banner: {
      js: [
        "import { createRequire as topLevelCreateRequire } from 'module';",
        'const require = topLevelCreateRequire(import.meta.url);',
        'import { fileURLToPath as topLevelFileUrlToPath, URL as topLevelURL } from "url"',
        'const __filename = topLevelFileUrlToPath(import.meta.url)',
        'const __dirname = topLevelFileUrlToPath(new topLevelURL(".", import.meta.url))',
      ].join('\n'),
    },
  })
  await placeErrorTable(folder)
  for (const { from, to } of standIns) await cp(join(root, from), join(folder, to))
  const { outputs } = metafile
  const entry = Object.keys(outputs).find((path) => outputs[path]?.entryPoint === entryPoint)
  if (entry === undefined) throw new Error(`esbuild made nothing of ${name}`)
  const loaded = atStart(outputs, entry)
  const bytesOf = (paths: readonly string[]) => paths.reduce((sum, path) => sum + (outputs[path]?.bytes ?? 0), 0)
  const packagesOf = (paths: readonly string[]) => packagesIn(paths.flatMap((path) => outputs[path] ?? []))
  const all = Object.keys(outputs)
  return {
    bytes: { atStart: bytesOf(loaded), inAll: bytesOf(all) },
    packages: { atStart: packagesOf(loaded), inAll: packagesOf(all) },
    deferred: deferredIn(metafile),
    leftOut: leftOutOf(metafile),
  }
}

type Outputs = Metafile['outputs']

/** A file, and every file that it imports by a statement. */
function atStart(outputs: Outputs, path: string, seen = new Set<string>()): readonly string[] {
  if (!seen.has(path)) {
    seen.add(path)
    const imports = (outputs[path]?.imports ?? []).filter(
      ({ kind, external }) => kind === 'import-statement' && !external,
    )
    for (const one of imports) atStart(outputs, one.path, seen)
  }
  return [...seen]
}

function deferredIn({ inputs, outputs }: Metafile): Bundle['deferred'] {
  const ours = Object.entries(inputs).filter(([path]) => !path.includes('node_modules'))
  const imports = ours.flatMap(([, input]) => input.imports).filter(({ kind }) => kind === 'dynamic-import')
  const targets = new Set(imports.map(({ path }) => path))
  const isDeferred = ([, { entryPoint = '' }]: readonly [string, { readonly entryPoint?: string }]) =>
    entryPoint.startsWith('core/') || targets.has(entryPoint)
  const chunks = Object.entries(outputs).filter(isDeferred)
  return Object.fromEntries(chunks.map(([path, { entryPoint = '' }]) => [entryPoint, basename(path)]))
}

function leftOutOf({ inputs }: Metafile): Bundle['leftOut'] {
  const importers = (name: string) =>
    Object.entries(inputs).flatMap(([path, { imports }]) =>
      imports.some((one) => one.external && one.path === name) ? [packageOf(path) ?? path] : [],
    )
  return Object.fromEntries(bundling.esbuild.external.map((name) => [name, [...new Set(importers(name))]]))
}

/** What esbuild kept of the packages it read. */
function packagesIn(outputs: readonly Outputs[string][]): readonly string[] {
  const kept = outputs
    .flatMap(({ inputs }) => Object.entries(inputs))
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
  const names = kept.flatMap(([path]) => packageOf(path) ?? [])
  return [...new Set(names)].toSorted()
}

function packageOf(path: string): string | undefined {
  return /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]
}

/** What docs/deploying.md says of the sizes, in kB by the function's name. */
export async function statedSizes(): Promise<Readonly<Record<string, Record<keyof Bundle['bytes'], number>>>> {
  const text = await readFile(join(root, 'docs/deploying.md'), 'utf8')
  const rows = text.matchAll(/^\| `functions\/(\w+)\.ts` \|.*\| ([\d,]+) kB \| ([\d,]+) kB \|$/gm)
  const number = (given = '') => Number(given.replaceAll(',', ''))
  return Object.fromEntries(
    [...rows].map(([, name, start, all]) => [name, { atStart: number(start), inAll: number(all) }]),
  )
}
