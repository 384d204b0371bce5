import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadPollerConfig } from '../../core/config.ts'
import { createImageIntake, type ImageIntake } from '../../core/images/intake.ts'
import { type ImageStore, openImageStore } from '../../core/images/store.ts'
import { type ProviderEmulators, startProviderEmulators } from '../../local/emulators/providers.ts'
import { startS3Emulator } from '../../local/emulators/s3.ts'

/** Emulated providers and storage, and the settings by which a function finds them. */
export interface TestServices {
  readonly providers: ProviderEmulators
  readonly store: ImageStore
  readonly images: ImageIntake
  /** The environment of the poller function, for a database at the given URL. */
  settings(databaseUrl: string): Record<string, string>
  stop(): Promise<void>
}

export async function startTestServices(): Promise<TestServices> {
  const folder = await mkdtemp(join(tmpdir(), 'vision-s3-'))
  const storage = {
    bucket: 'test-images',
    accessKeyId: 'test',
    secretAccessKey: 'the secret of the emulated storage',
  }
  const s3 = await startS3Emulator({ folder, ...storage })
  const providers = await startProviderEmulators()
  const settings = (databaseUrl: string) => ({
    DATABASE_URL: databaseUrl,
    BUCKET_NAME: storage.bucket,
    S3_ENDPOINT: s3.endpoint,
    S3_ACCESS_KEY_ID: storage.accessKeyId,
    S3_SECRET_ACCESS_KEY: storage.secretAccessKey,
    GEMINI_API_KEY: 'emulated',
    GEMINI_BASE_URL: providers.geminiBaseUrl,
    DEEPSEEK_API_KEY: 'emulated',
    DEEPSEEK_BASE_URL: providers.deepseekBaseUrl,
    POLLER_IDLE_SECONDS: '0',
    RETRY_BASE_SECONDS: '0.001',
  })
  const store = openImageStore(loadPollerConfig(settings('mysql://unused')))
  return {
    providers,
    store,
    images: createImageIntake(store, { allowLoopbackHttp: false }),
    settings,
    stop: async () => {
      store.close()
      await providers.stop()
      await s3.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A file of test/fixtures/images as a data URL. */
export async function fixtureUrl(name: string, type: string): Promise<string> {
  const bytes = await readFile(new URL(`../fixtures/images/${name}`, import.meta.url))
  return `data:${type};base64,${bytes.toString('base64')}`
}
