import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Makes a folder, which is removed with all that is in it. */
export async function temporaryFolder(cleanup: AsyncDisposableStack): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vision-bench-'))
  cleanup.defer(() => rm(folder, { recursive: true, force: true }))
  return folder
}
