import { accountConcurrency } from './account.ts'
import { createAlarms } from './alarms.ts'
import { createApi } from './api.ts'
import { createBudget } from './budget.ts'
import { describeConcurrency } from './concurrency.ts'
import { createConsole } from './console.ts'
import { createDashboard } from './dashboard.ts'
import { createDatabase } from './database.ts'
import { bundleFunctions } from './functions.ts'
import { createMigrations } from './migrations.ts'
import { createPoller } from './poller.ts'
import { createSecrets } from './secrets.ts'
import { readSettings } from './settings.ts'
import { createBucket } from './storage.ts'
import { createStream } from './stream.ts'

/**
 * The whole system, put together for one stage.
 *
 * @returns what `sst deploy` prints at its end
 * @throws SettingsError before anything is created
 */
export async function deploy() {
  const asks = !$dev && !process.env.DEPLOY_ACCOUNT_CONCURRENCY
  const quota = asks ? await accountConcurrency() : undefined
  const settings = readSettings(process.env, { dev: $dev, quota, node: process.versions.node })
  const code = await bundleFunctions()
  const secrets = createSecrets(settings)
  const bucket = createBucket(settings)
  const database = createDatabase(settings)
  const { migratedUrl } = createMigrations(settings, code, database)
  const shared = { code, settings, secrets, databaseUrl: migratedUrl, vpc: database.network?.vpc }
  const stream = settings.concurrency.streaming ? createStream(shared) : undefined
  const poller = createPoller({ ...shared, bucket })
  const api = createApi({ ...shared, bucket, streamUrl: stream?.url, poller })
  const page = createConsole(settings, { api: api.gateway, bucket, streamUrl: stream?.url })
  // A sleeping laptop is not an incident.
  const watched = { api, stream: stream?.handler, poller, database }
  const topic = $dev ? undefined : createAlarms(settings, watched)
  if (!$dev) {
    createDashboard(settings, watched)
    createBudget(settings)
  }
  return {
    api: api.gateway.url,
    console: page,
    events: stream?.url,
    bucket: bucket.name,
    alarms: topic?.arn,
    bastion: database.network?.bastion,
    database: database.instance?.address,
    concurrency: describeConcurrency(settings),
  }
}
