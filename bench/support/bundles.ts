import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundle } from '../../test/support/functions/bundle.ts'

/** Bundles functions or other scripts into a folder of their own, as `bundle` does. @returns the folder */
export async function makeBundles(
  cleanup: AsyncDisposableStack,
  names: readonly string[],
  minify?: boolean,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vision-bench-'))
  cleanup.defer(() => rm(folder, { recursive: true, force: true }))
  for (const name of names) await bundle(name, folder, minify)
  return folder
}
