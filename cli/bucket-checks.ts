import { GetBucketCorsCommand, GetBucketVersioningCommand, type LifecycleRule, type S3Client } from '@aws-sdk/client-s3'
import { type BucketSettings, bucketFaults, describeBucket, limited, unlessUnset } from '../core/images/bucket.ts'
import { createS3Client } from '../core/images/s3.ts'
import type { DoctorConfig } from '../core/platform/config/doctor.ts'
import { bucketReason, checkBucket } from '../dev/parts/check-bucket.ts'
import { type Finding, type Found, notChecked, ok, wrong } from './finding.ts'

/** Checks that the bucket can be reached, and its settings: those of `npm run bucket:setup`, its versions, and what pages may do. */
export async function checkBucketAndRules(config: DoctorConfig): Promise<readonly Finding[]> {
  const { BUCKET_NAME, UPLOAD_RETENTION_DAYS: uploadDays } = config
  if (BUCKET_NAME === undefined) return [{ check: 'bucket', ...notChecked('BUCKET_NAME is not set here') }]
  const named = { ...config, BUCKET_NAME }
  const unreachable = await checkBucket(named).then(
    () => undefined,
    (error: Error) => error.message,
  )
  if (unreachable !== undefined) {
    return [{ check: 'bucket', ...wrong(unreachable, 'Fix this first: images are neither stored nor read.') }]
  }
  const client = createS3Client(named)
  const look = async (check: string, found: () => Promise<Found>): Promise<Finding> => ({
    check,
    ...(await found().catch(cannotRead)),
  })
  try {
    const settings = describeBucket(client, BUCKET_NAME)
    return [
      { check: 'bucket', ...ok(`${BUCKET_NAME} is there`) },
      await look('bucket rules', async () => checkRules(await settings, uploadDays)),
      await look('bucket versions', () => checkVersions(client, BUCKET_NAME, settings)),
      await look('bucket CORS', () => checkCors(client, BUCKET_NAME, config.STREAM_ORIGINS)),
    ]
  } finally {
    client.destroy()
  }
}

/** Not every server that speaks S3 has every setting. */
function cannotRead(error: Error): Found {
  if (error.name === 'NotImplemented') return notChecked('this server has no such setting')
  const todo = 'Run npm run ops -- doctor with credentials that may read the settings of the bucket.'
  return wrong(bucketReason(error), todo)
}

function checkRules(settings: BucketSettings, uploadDays: number): Found {
  const { ours, others } = bucketFaults(settings, { uploadDays })
  const faults = [...ours, ...others]
  if (faults.length === 0) return ok('private, encrypted, uploads expire')
  return wrong(faults.join(' '), ours.length > 0 ? 'npm run bucket:setup' : 'Change that rule.')
}

/** "Retaining multiple versions of objects with S3 Versioning": a deleted object stays as a version until a rule expires it. */
async function checkVersions(client: S3Client, bucket: string, settings: Promise<BucketSettings>): Promise<Found> {
  const { Status } = await client.send(new GetBucketVersioningCommand({ Bucket: bucket }), limited())
  if (Status === undefined) return ok('none are kept: what is deleted is gone')
  const { rules } = await settings
  const days = rules.filter(expiresVersions).map((rule) => rule.NoncurrentVersionExpiration?.NoncurrentDays ?? 0)
  if (days.length > 0) return ok(`${Status.toLowerCase()}, and kept for ${Math.min(...days)} days`)
  return wrong(
    `${Status.toLowerCase()}, and kept for ever: images that were deleted stay, also those of erased users`,
    'Add a lifecycle rule for the whole bucket with NoncurrentVersionExpiration, such as 30 days.',
  )
}

/** Whether a rule holds for the whole bucket. */
function expiresVersions({ Status, Filter, Prefix, NoncurrentVersionExpiration: expiration }: LifecycleRule): boolean {
  const isForAll = !Prefix && !Filter?.Prefix && !Filter?.Tag && !Filter?.And
  return Status === 'Enabled' && isForAll && expiration?.NoncurrentDays !== undefined
}

/** Pages post uploads to the bucket and show images from it, where there are pages of other origins. */
async function checkCors(client: S3Client, bucket: string, origins: readonly string[] | undefined): Promise<Found> {
  const cors = await unlessUnset(
    'NoSuchCORSConfiguration',
    client.send(new GetBucketCorsCommand({ Bucket: bucket }), limited()),
  )
  const rules = cors?.CORSRules ?? []
  const allowing = (origin: string, method: string) =>
    rules.some(
      ({ AllowedOrigins = [], AllowedMethods = [] }) =>
        AllowedMethods.includes(method) && AllowedOrigins.some((pattern) => isLike(pattern, origin)),
    )
  const refused = (origins ?? []).filter((origin) => !['GET', 'POST'].every((method) => allowing(origin, method)))
  if (refused.length > 0) {
    return wrong(
      `pages of ${refused.join(', ')} may not upload to it or read from it`,
      'Deploy with DEPLOY_ORIGINS, or allow these origins GET, HEAD and POST (aws s3api put-bucket-cors).',
    )
  }
  const allowed = [...new Set(rules.flatMap(({ AllowedOrigins = [] }) => AllowedOrigins))]
  if (allowed.length === 0) return ok('no page of another origin may use it')
  return ok(`pages of ${allowed.join(', ')} may use it`)
}

/** "CORS configuration": an origin may have one `*`. */
function isLike(pattern: string, origin: string): boolean {
  const [start = '', end] = pattern.split('*')
  if (end === undefined) return pattern === origin
  return origin.length >= start.length + end.length && origin.startsWith(start) && origin.endsWith(end)
}
