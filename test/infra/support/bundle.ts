import { mkdtempSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { build } from 'esbuild'
import { mutated } from './mutated.ts'
import { platform, root } from './platform.ts'

/**
 * Bundles sst.config.ts as SST's command line does before it runs it: SST's globals are imported at the top of every file
 * that is not its own, and its packages stay outside.
 *
 * @param mutation the name of a deliberate mistake: see mutations.ts
 * @returns the bundle's path, in a folder of its own beside the packages
 */
export async function bundleConfiguration(mutation?: string): Promise<string> {
  const folder = mkdtempSync(join(platform, 'test-'))
  const components = join(platform, 'src/components/index.ts')
  const globals = `import * as aws from '@pulumi/aws'; import * as sst from '${components}';`
  const outfile = join(folder, 'config.mjs')
  await build({
    absWorkingDir: root,
    stdin: {
      contents: `export { run } from '${platform}/src/auto/run.ts'\nexport { default as config } from './sst.config.ts'`,
      resolveDir: root,
      loader: 'ts',
    },
    inject: [join(platform, 'src/shim/run.js')],
    plugins: [
      {
        name: 'globals and a deliberate mistake',
        setup: ({ onLoad }) =>
          onLoad({ filter: /\.(js|ts)$/ }, ({ path }) => {
            const text = readFileSync(path, 'utf8')
            if (path.includes('.sst')) return undefined
            const file = relative(root, path)
            return {
              contents: `${globals}\n${mutation ? mutated(mutation, file, text) : text}`,
              loader: 'default',
            }
          }),
      },
    ],
    bundle: true,
    platform: 'node',
    format: 'esm',
    mainFields: ['module', 'main'],
    external: ['@pulumi/*', '@aws-sdk/*', 'undici', 'esbuild', 'archiver', 'glob', 'vite'],
    nodePaths: [join(platform, 'node_modules')],
    banner: {
      js: [
        "import { createRequire as requireFor } from 'node:module'",
        'const require = requireFor(import.meta.url)',
        'const { filename: __filename, dirname: __dirname } = import.meta',
      ].join('\n'),
    },
    logLevel: 'silent',
    outfile,
  })
  return outfile
}
