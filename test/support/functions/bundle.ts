import { readdir, readFile } from 'node:fs/promises'
import { basename, join, relative, resolve } from 'node:path'
import type { ModuleInfo, OutputChunk } from 'rolldown'
import { bundleFunction } from '../../../infra/bundling.ts'

const root = resolve(import.meta.dirname, '../../..')

/** One function as it is deployed. */
export interface Bundle {
  /** Of what it loads when it starts, and of all its files. */
  readonly bytes: { readonly atStart: number; readonly inAll: number }
  /** The packages that are in it, and those that are loaded when it starts. */
  readonly packages: { readonly atStart: readonly string[]; readonly inAll: readonly string[] }
  /** Its files that our own code loads when it needs them: their names, by what they begin with. */
  readonly deferred: Readonly<Record<string, string>>
  /** The stand-ins of infra/stand-ins that are in it, and the packages that import them. */
  readonly standIns: Readonly<Record<string, readonly string[]>>
}

/** The functions, by the names of their files. */
export async function functionNames(): Promise<readonly string[]> {
  const files = await readdir(join(root, 'functions'))
  return files.filter((file) => file.endsWith('.ts')).map((file) => basename(file, '.ts'))
}

/**
 * Bundles a function as a deployment does.
 *
 * @param name of a file in functions/, or the path of another script from the root; without `.ts`
 * @param folder where the bundle goes, as `<name>.mjs` and what that imports; whatever is there is deleted
 * @param minify false where a person is to read its names: in a profile
 */
export async function bundle(name: string, folder: string, minify = true): Promise<Bundle> {
  const facts = { deferred: [] as string[], standIns: {} as Record<string, readonly string[]> }
  const path = name.includes('/') ? { entry: `${name}.ts` } : {}
  const chunks = await bundleFunction(basename(name), folder, {
    root,
    minify,
    plugins: [
      {
        name: 'facts',
        buildEnd: {
          order: 'post',
          handler() {
            Object.assign(facts, factsOf([...this.getModuleIds()].flatMap((id) => this.getModuleInfo(id) ?? [])))
          },
        },
      },
    ],
    ...path,
  })
  const loaded = atStart(chunks, `${basename(name)}.mjs`)
  return {
    bytes: { atStart: bytesOf(loaded), inAll: bytesOf(chunks) },
    packages: { atStart: packagesIn(loaded), inAll: packagesIn(chunks) },
    deferred: Object.fromEntries(
      facts.deferred.flatMap((id) => {
        const chunk = chunks.find((one) => one.facadeModuleId === id || one.moduleIds.includes(id))
        return chunk && !loaded.includes(chunk) ? [[relative(root, id), chunk.fileName]] : []
      }),
    ),
    standIns: facts.standIns,
  }
}

const bytesOf = (chunks: readonly OutputChunk[]) => chunks.reduce((sum, { code }) => sum + Buffer.byteLength(code), 0)

/** A file, and every file that it imports by a statement. */
function atStart(chunks: readonly OutputChunk[], name: string, seen: OutputChunk[] = []): readonly OutputChunk[] {
  const chunk = chunks.find(({ fileName }) => fileName === name)
  if (chunk === undefined || seen.includes(chunk)) return seen
  seen.push(chunk)
  for (const one of chunk.imports) atStart(chunks, one, seen)
  return seen
}

/** What our own code imports when it needs it, and which packages import what stands in for something. */
function factsOf(modules: readonly ModuleInfo[]) {
  const ours = modules.filter(({ id }) => packageOf(id) === undefined)
  const isStandIn = ({ id }: ModuleInfo) => id.startsWith(join(root, 'infra/stand-ins/'))
  const importers = ({ id, importers }: ModuleInfo) => [
    basename(id),
    [...new Set(importers.map((one) => packageOf(one) ?? one))],
  ]
  return {
    deferred: [...new Set(ours.flatMap(({ dynamicallyImportedIds }) => dynamicallyImportedIds))],
    standIns: Object.fromEntries(modules.filter(isStandIn).map(importers)),
  }
}

/** What was kept of the packages that were read. */
function packagesIn(chunks: readonly OutputChunk[]): readonly string[] {
  const kept = chunks
    .flatMap(({ modules }) => Object.entries(modules))
    .filter(([, { renderedLength }]) => renderedLength > 0)
  return [...new Set(kept.flatMap(([path]) => packageOf(path) ?? []))].toSorted()
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
