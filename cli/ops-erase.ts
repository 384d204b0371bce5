import { randomBytes } from 'node:crypto'
import type { Operator } from '../core/admin/audit-log.ts'
import { eraseUser } from '../core/admin/erase.ts'
import type { EraseView } from '../core/api/admin/erase-schema.ts'
import { type ImageStore, openImageStore } from '../core/images/store.ts'
import { loadBucketConfig } from '../core/platform/config/bucket.ts'
import type { OperatorConfig } from '../core/platform/config/operator.ts'
import { OptionsError, readOptions } from '../dev/boot/options.mjs'
import { startLocalBucket } from '../dev/parts/storage.ts'
import { requireUser } from './ops-keys.ts'
import type { Values } from './ops-usage.ts'
import { table } from './table.ts'

type Environment = Record<string, string | undefined>

/** Erases a user, or counts what there is; a usage error is reported here, before the database is asked. */
export function prepareErase(values: Values, signal: AbortSignal) {
  const user = requireUser(values.user, 'erase needs --user: the user to erase.')
  const dryRun = values.yes !== true
  return async (operator: Operator, _: OperatorConfig, env: Environment, isLocal: boolean) => {
    await using cleanup = new AsyncDisposableStack()
    const store = await openStore(env, isLocal, cleanup)
    const view = { dryRun, ...(await eraseUser(operator, store, user, { randomBytes, dryRun, signal })) }
    return { view, text: describe(view), failed: view.more }
  }
}

/** The bucket that the environment names, or the one that npm start keeps beside the local database. */
async function openStore(env: Environment, isLocal: boolean, cleanup: AsyncDisposableStack): Promise<ImageStore> {
  let settings = env
  if (!env.BUCKET_NAME) {
    if (!isLocal) throw new OptionsError('erase needs BUCKET_NAME: the images of the user are in that bucket.')
    const local = await startLocalBucket(readOptions([], env).dataDir, randomBytes(16).toString('hex'))
    cleanup.defer(local.stop)
    settings = local.settings
  }
  const store = openImageStore(loadBucketConfig(settings))
  cleanup.defer(() => store.close())
  return store
}

function describe({ dryRun, pseudonym, rows, objects, runs, more }: EraseView) {
  const found = Object.entries(rows).filter(([, count]) => count > 0)
  if (found.length === 0 && objects === 0) return 'Nothing of this user is stored.'
  const counts = table(
    ['table', 'rows'],
    found.map(([name, count]) => [name, count >= 1_000 ? '1,000 or more' : String(count)]),
  )
  if (dryRun) return `${counts}\n\nWould be erased, the usage pseudonymised. Nothing was changed; --yes does it.`
  const reports =
    runs > 0
      ? `\n${runs} runs were cut off, and their workers may report usage for 5 more minutes: run it again then.`
      : ''
  const rest = more ? `${reports}\nSomething is left: run it again.` : ''
  return `${counts}\n\nErased, with ${objects} objects of the bucket. The usage is kept under ${pseudonym}.${rest}`
}
