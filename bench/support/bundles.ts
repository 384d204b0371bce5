import { basename, join } from 'node:path'
import { bundle } from '../../test/support/functions/bundle.ts'
import { temporaryFolder } from './temporary-folder.ts'

/**
 * Bundles functions or other scripts as `bundle` does, each into a folder of its own.
 *
 * @returns where a bundle starts, by the last part of its name
 */
export async function makeBundles(
  cleanup: AsyncDisposableStack,
  names: readonly string[],
  minify?: boolean,
): Promise<(name: string) => string> {
  const folder = await temporaryFolder(cleanup)
  for (const name of names) await bundle(name, join(folder, basename(name)), minify)
  return (name) => join(folder, name, `${name}.mjs`)
}
