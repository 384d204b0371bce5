import { join } from 'node:path'
import { build } from 'esbuild'
import { root } from './platform.ts'

/**
 * Bundles a function as SST 4 does in `sst dev` (its `pkg/runtime/node/build.go`), where no option is set: one ES module, with
 * what packages in CommonJS expect to find around them.
 *
 * @param name of a file in functions/, without `.ts`
 * @param folder where the bundle goes, as `<name>.mjs`
 */
export async function bundleForDevelopment(name: string, folder: string): Promise<void> {
  await build({
    absWorkingDir: root,
    entryPoints: [`functions/${name}.ts`],
    outfile: join(folder, `${name}.mjs`),
    platform: 'node',
    format: 'esm',
    target: 'esnext',
    mainFields: ['module', 'main'],
    bundle: true,
    keepNames: true,
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
}
