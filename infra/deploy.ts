import { createAlarms } from './alarms.ts'
import { createApi } from './api.ts'
import { createDatabase } from './database.ts'
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
export function deploy() {
  const settings = readSettings(process.env, { dev: $dev })
  const secrets = createSecrets(settings)
  const bucket = createBucket(settings)
  const database = createDatabase(settings)
  const { migratedUrl } = createMigrations(settings, database)
  const shared = { settings, secrets, databaseUrl: migratedUrl, vpc: database.vpc }
  const stream = settings.streams ? createStream(shared) : undefined
  const api = createApi({ ...shared, bucket, streamUrl: stream?.url })
  const poller = createPoller({ ...shared, bucket })
  // A laptop that sleeps is no incident.
  const topic = $dev ? undefined : createAlarms(settings, { api, stream, poller, database })
  return { api: api.gateway.url, events: stream?.url, bucket: bucket.name, alarms: topic?.arn }
}
