import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Scope, signToken } from '../../../core/platform/auth.ts'
import { startStack } from '../../../dev/stack.ts'
import { createEmptyDatabase } from '../database/test-database.ts'

/** A whole stack on a database of the run's server, for tests that use it as its users do. */
export interface LocalStack {
  readonly url: string
  /** The key that `npm start` prints. */
  readonly key: string | undefined
  /** For files of the test; goes with the stack. */
  readonly folder: string
  /** A bearer token of this user. */
  token(userId: string, scopes?: readonly Scope[]): Promise<string>
  stop(): Promise<void>
}

/**
 * @param emulatorLatencyMs what the emulated providers take to answer, in milliseconds
 * @param settings of the environment, beside its own
 */
export async function startLocalStack(
  emulatorLatencyMs: number,
  settings: Readonly<Record<string, string>> = {},
): Promise<LocalStack> {
  const folder = await mkdtemp(join(tmpdir(), 'local-stack-'))
  const database = await createEmptyDatabase()
  const secret = randomBytes(32).toString('base64url')
  const stack = await startStack({
    env: { ...settings, DATABASE_URL: database.url, AUTH_SECRET: secret },
    port: 0,
    dataDir: join(folder, 'data'),
    emulatorLatencyMs,
    readsLettering: false,
    say: () => undefined,
  })
  return {
    url: stack.url,
    key: stack.key,
    folder,
    token: (userId, scopes = []) =>
      signToken(secret, {
        userId,
        scopes,
        lifeSeconds: 3600,
        now: Date.now(),
        issuer: settings.AUTH_ISSUER,
        audience: settings.AUTH_AUDIENCE,
      }),
    stop: async () => {
      await stack.stop()
      await database.drop()
      await rm(folder, { recursive: true })
    },
  }
}
