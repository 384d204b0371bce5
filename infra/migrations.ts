import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseAccess } from './database.ts'
import { type Code, common } from './functions.ts'
import type { Settings } from './settings.ts'

const folder = 'drizzle/migrations'

/**
 * A function beside the database, which may be private, that the deployment calls whenever there are other migrations,
 * another mode or another database. It applies them, or checks that somebody else has; when it fails, the deployment
 * stops.
 *
 * @returns the database's URL, known once the migrations are through: what uses it is deployed after them
 */
export function createMigrations(settings: Settings, code: Code, { url, network }: DatabaseAccess) {
  // `npm run db:migrate` does it there; and the stub that is deployed could not reach this machine yet.
  if ($dev) return { migratedUrl: url }
  const shape = common({ settings, vpc: network?.vpc })
  const migrate = new sst.aws.Function('Migrate', {
    ...shape,
    description: 'Applies or checks the migrations, called by each deployment',
    ...code('migrate'),
    copyFiles: [{ from: folder }],
    // Another migration may hold the lock for a while, and an index on a large table takes its time.
    timeout: '15 minutes',
    memory: '512 MB',
    environment: { DATABASE_URL: url },
  })
  const migration = new aws.lambda.Invocation('Migration', {
    functionName: migrate.name,
    // A proxy does not answer until minutes after it was created.
    input: JSON.stringify({ mode: settings.DEPLOY_MIGRATIONS, patienceSeconds: network ? 600 : 30 }),
    triggers: { migrations: migrationsHash(), database: $util.secret(url.apply(sha256)) },
  })
  return { migratedUrl: $resolve([url, migration.result]).apply(([after]) => after) }
}

/** Of the names and the texts of the SQL files. */
function migrationsHash(): string {
  const root = join($cli.paths.root, folder)
  const files = readdirSync(root).filter((name) => name.endsWith('.sql'))
  return sha256(
    files
      .toSorted()
      .map((name) => `${name}\n${readFileSync(join(root, name), 'utf8')}`)
      .join('\n'),
  )
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
