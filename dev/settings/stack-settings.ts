import { tickSeconds } from '../../core/worker/schedule.ts'

type Settings = Readonly<Record<string, string | undefined>>

/** What a stack has started or found, by which its API and its poller find it. */
export interface Started {
  readonly databaseUrl: string
  readonly authSecret: string
  /** Where an emulated bucket is, under the names of its settings; nothing where it is a real one. */
  readonly storage: Settings
  /** The same of the emulated providers. */
  readonly providers: Settings
}

/** The environment of the API and of the poller of a stack: what `infra/` gives to each function, under the same names. */
export function stackSettings(env: Settings, { databaseUrl, authSecret, storage, providers }: Started): Settings {
  return {
    ...env,
    DATABASE_URL: databaseUrl,
    // One process serves every call here.
    API_DATABASE_CONNECTIONS: env.API_DATABASE_CONNECTIONS || '10',
    // To poll between two ticks costs nothing here, and what a command changes is seen at once: it rings no bell.
    POLLER_IDLE_SECONDS: env.POLLER_IDLE_SECONDS || String(tickSeconds),
    ...storage,
    ...providers,
    AUTH_SECRET: authSecret,
  }
}
