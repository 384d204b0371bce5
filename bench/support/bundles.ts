import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundle } from '../../test/support/functions/bundle.ts'

/** Bundles functions, by their names, into a folder of their own. @returns the folder */
export async function makeBundles(cleanup: AsyncDisposableStack, names: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vision-bench-'))
  cleanup.defer(() => rm(folder, { recursive: true, force: true }))
  for (const name of names) await bundle(name, folder)
  return folder
}
