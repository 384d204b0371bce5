import { type ProviderEmulators, startProviderEmulators } from '../../../dev/emulators/providers/server.ts'
import { noCap } from '../database/jobs.ts'
import { startTestStorage, type TestStorage } from '../images/storage.ts'

/** Emulated providers and storage, and the settings by which a function finds them. */
export interface TestServices extends Pick<TestStorage, 'store'> {
  readonly providers: ProviderEmulators
  /** The environment of the poller function, for a database at the given URL. */
  settings(databaseUrl: string): Record<string, string>
  stop(): Promise<void>
}

export async function startTestServices(): Promise<TestServices> {
  const storage = await startTestStorage()
  const providers = await startProviderEmulators()
  return {
    providers,
    store: storage.store,
    settings: (databaseUrl) => ({
      DATABASE_URL: databaseUrl,
      ...storage.settings,
      GEMINI_API_KEY: 'emulated',
      GEMINI_BASE_URL: providers.geminiBaseUrl,
      DEEPSEEK_API_KEY: 'emulated',
      DEEPSEEK_BASE_URL: providers.deepseekBaseUrl,
      POLLER_IDLE_SECONDS: '0',
      JOB_IN_FLIGHT_PER_USER: String(noCap),
      // Rounds to no wait at all: a drain that does not idle must find the retry due.
      RETRY_BASE_SECONDS: '0.0001',
    }),
    stop: async () => {
      await providers.stop()
      await storage.stop()
    },
  }
}
