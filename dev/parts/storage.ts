import { join } from 'node:path'
import { configureBucket } from '../../core/images/bucket.ts'
import { createS3Client } from '../../core/images/s3.ts'
import type { BucketConfig } from '../../core/platform/config/bucket.ts'
import type { DataFolder } from '../data/data-folder.ts'
import type { Environment } from '../database/run-command.ts'
import { startS3Emulator } from '../emulators/s3/server.ts'
import { placeOf } from './check-bucket.ts'
import type { Part, RunningPart } from './part.ts'

const bucket = 'vision-pipeline'

/** An emulated S3 with the objects of a data folder, and the settings that reach its bucket. */
export async function startLocalBucket(dataDir: string, secretAccessKey: string) {
  const accessKeyId = 'local'
  const s3 = await startS3Emulator({ folder: join(dataDir, 's3'), bucket, accessKeyId, secretAccessKey })
  const settings = {
    BUCKET_NAME: bucket,
    S3_ENDPOINT: s3.endpoint,
    S3_ACCESS_KEY_ID: accessKeyId,
    S3_SECRET_ACCESS_KEY: secretAccessKey,
  }
  return { settings, stop: () => s3.stop() }
}

/** The bucket that the environment names, or an emulated S3 with its objects in the data folder. */
export async function startStorage(
  env: Environment,
  folder: DataFolder,
  { AWS_REGION, UPLOAD_RETENTION_DAYS }: BucketConfig,
): Promise<RunningPart & { readonly part: Part }> {
  if (env.BUCKET_NAME) {
    const place = env.S3_ENDPOINT ? ` at ${placeOf(env.S3_ENDPOINT)}` : ''
    const part: Part = { name: 'storage', kind: 'real', what: `S3, bucket ${env.BUCKET_NAME}${place}` }
    return { settings: {}, stop: async () => undefined, part }
  }
  const { settings, stop } = await startLocalBucket(folder.path, await folder.secret('s3-secret', 32))
  const client = createS3Client({ ...settings, AWS_REGION })
  try {
    await configureBucket(client, bucket, { uploadDays: UPLOAD_RETENTION_DAYS })
  } catch (problem) {
    await stop()
    throw problem
  } finally {
    client.destroy()
  }
  return {
    settings,
    stop,
    part: {
      name: 'storage',
      kind: 'emulated',
      what: `S3 at ${settings.S3_ENDPOINT}, kept in ${join(folder.path, 's3')}`,
    },
  }
}
