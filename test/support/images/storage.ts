import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ImageStore, openImageStore } from '../../../core/images/store.ts'
import { startS3Emulator } from '../../../dev/emulators/s3/server.ts'

/** An emulated bucket, empty at first. */
export interface TestStorage {
  readonly store: ImageStore
  /** The settings by which a function finds it. */
  readonly settings: {
    BUCKET_NAME: string
    AWS_REGION: string
    S3_ENDPOINT: string
    S3_ACCESS_KEY_ID: string
    S3_SECRET_ACCESS_KEY: string
  }
  stop(): Promise<void>
}

export async function startTestStorage(): Promise<TestStorage> {
  const folder = await mkdtemp(join(tmpdir(), 'vision-s3-'))
  const bucket = 'test-images'
  const accessKeyId = 'test'
  const secretAccessKey = 'the-secret-of-the-emulated-storage'
  const s3 = await startS3Emulator({ folder, bucket, accessKeyId, secretAccessKey })
  const settings = {
    BUCKET_NAME: bucket,
    AWS_REGION: 'us-east-1',
    S3_ENDPOINT: s3.endpoint,
    S3_ACCESS_KEY_ID: accessKeyId,
    S3_SECRET_ACCESS_KEY: secretAccessKey,
  }
  const store = openImageStore(settings)
  return {
    store,
    settings,
    stop: async () => {
      store.close()
      await s3.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The bytes of a file of test/fixtures/images. */
export function fixture(name: string): Promise<Buffer> {
  return readFile(new URL(`../../fixtures/images/${name}`, import.meta.url))
}

/** A file of test/fixtures/images as a data URL. */
export async function fixtureUrl(name: string, type: string): Promise<string> {
  return `data:${type};base64,${(await fixture(name)).toString('base64')}`
}
