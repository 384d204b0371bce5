import { bundle } from '../../test/support/functions/bundle.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** Bundles functions or other scripts into a folder of their own, as `bundle` does. @returns the folder */
export async function makeBundles(
  cleanup: AsyncDisposableStack,
  names: readonly string[],
  minify?: boolean,
): Promise<string> {
  const folder = await temporaryFolder(cleanup)
  for (const name of names) await bundle(name, folder, minify)
  return folder
}
