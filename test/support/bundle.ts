import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { build, type Metafile } from 'esbuild'

const root = resolve(import.meta.dirname, '../..')

/** One function as it is deployed. */
export interface Bundle {
  readonly file: string
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
 * Bundles a function as SST 4 does it: one ES module without a source map, minified, with what CommonJS packages expect to
 * find around them (its `pkg/runtime/node/build.go`).
 *
 * @param folder where the bundle goes, as `<name>.mjs`
 */
export async function bundle(name: string, folder: string): Promise<Bundle> {
  const file = join(folder, `${name}.mjs`)
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [join('functions', `${name}.ts`)],
    outfile: file,
    platform: 'node',
    format: 'esm',
    target: 'esnext',
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
  return { file, bytes: (await stat(file)).size, packages: packagesIn(metafile) }
}

function packagesIn({ inputs }: Metafile): readonly string[] {
  const names = Object.keys(inputs).flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? [])
  return [...new Set(names)].toSorted()
}

/** What README.md says of the sizes, in bytes by the function's name. */
export async function statedSizes(): Promise<Readonly<Record<string, number>>> {
  const readme = await readFile(join(root, 'README.md'), 'utf8')
  const rows = readme.matchAll(/^\| `functions\/(\w+)\.ts` \| [^|]*\| ([\d,]+) bytes \|/gm)
  return Object.fromEntries([...rows].map(([, name, size]) => [name, Number(size?.replaceAll(',', ''))]))
}
