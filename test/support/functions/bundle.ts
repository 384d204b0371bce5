import { readdir, readFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { build, type Metafile } from 'esbuild'

const root = resolve(import.meta.dirname, '../../..')

/** One function as it is deployed. */
export interface Bundle {
  readonly bytes: number
  /** The packages that are in it. */
  readonly packages: readonly string[]
}

/** The functions, by the names of their files. */
export async function functionNames(): Promise<readonly string[]> {
  const files = await readdir(join(root, 'functions'))
  return files.filter((file) => file.endsWith('.ts')).map((file) => basename(file, '.ts'))
}

/**
 * Bundles a function with the options of SST 4 (its `pkg/runtime/node/build.go`): one ES module for Node 24, minified, with what
 * packages in CommonJS expect to find around them. The source map, which SST does not deploy, is left out.
 *
 * @param folder where the bundle goes, as `<name>.mjs`
 */
export async function bundle(name: string, folder: string): Promise<Bundle> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [join('functions', `${name}.ts`)],
    outfile: join(folder, `${name}.mjs`),
    platform: 'node',
    format: 'esm',
    target: 'es2024',
    mainFields: ['module', 'main'],
    bundle: true,
    keepNames: true,
    minify: true,
    metafile: true,
    external: ['sharp', 'pg-native'],
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
  const [output] = Object.values(metafile.outputs)
  if (output === undefined) throw new Error(`esbuild made nothing of ${name}`)
  return { bytes: output.bytes, packages: packagesIn(output) }
}

/** What esbuild kept of the packages it read. */
function packagesIn({ inputs }: Metafile['outputs'][string]): readonly string[] {
  const kept = Object.entries(inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0)
  const names = kept.flatMap(([path]) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? [])
  return [...new Set(names)].toSorted()
}

/** What docs/deploying.md says of the sizes, in kB by the function's name. */
export async function statedSizes(): Promise<Readonly<Record<string, number>>> {
  const text = await readFile(join(root, 'docs/deploying.md'), 'utf8')
  const rows = text.matchAll(/^\| `functions\/(\w+)\.ts` \|.*\| ([\d,]+) kB \|$/gm)
  return Object.fromEntries([...rows].map(([, name, size]) => [name, Number(size?.replaceAll(',', ''))]))
}
