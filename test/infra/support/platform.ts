import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

export const root = resolve(import.meta.dirname, '../../..')
/** SST's components and types, as `sst deploy` uses them, with their packages. */
export const platform = join(root, '.sst', 'platform')

/**
 * Writes SST's platform folder where it is missing or of another version, which takes some twenty seconds; it needs
 * nothing but the npm registry.
 */
export async function preparePlatform(): Promise<void> {
  const { version } = JSON.parse(readFileSync(join(root, 'node_modules/sst/package.json'), 'utf8')) as {
    version: string
  }
  // npm writes its own list last: what was broken off has none.
  const isComplete = existsSync(join(platform, 'node_modules/.package-lock.json'))
  if (isComplete && readFileSync(join(platform, 'version'), 'utf8').trim() === version) return
  process.stderr.write('installing the components of SST …\n')
  const env = { ...process.env, SST_TELEMETRY_DISABLED: '1', SST_SKIP_DEPENDENCY_CHECK: '1', SST_NO_BUN: '1' }
  await promisify(execFile)(join(root, 'node_modules/.bin/sst'), ['install', '--stage', 'test'], { cwd: root, env })
}
