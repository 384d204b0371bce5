import { bucketFaults, describeBucket } from '../core/images/bucket.ts'
import { createS3Client } from '../core/images/s3.ts'
import type { DoctorConfig } from '../core/platform/config/doctor.ts'
import { bucketReason, checkBucket } from '../dev/parts/check-bucket.ts'
import { type Finding, notChecked, ok, wrong } from './finding.ts'

/** Checks that the bucket can be reached, and that its settings are those of `npm run bucket:setup`. */
export async function checkBucketAndRules(config: DoctorConfig): Promise<readonly Finding[]> {
  const { BUCKET_NAME, UPLOAD_RETENTION_DAYS: uploadDays } = config
  if (BUCKET_NAME === undefined) return [{ check: 'bucket', ...notChecked('BUCKET_NAME is not set here') }]
  const named = { ...config, BUCKET_NAME }
  const unreachable = await checkBucket(named).then(
    () => undefined,
    (error: Error) => error.message,
  )
  if (unreachable !== undefined) {
    return [{ check: 'bucket', ...wrong(unreachable, 'Put this right first: images are neither stored nor read.') }]
  }
  const client = createS3Client(named)
  try {
    const { ours, others } = bucketFaults(await describeBucket(client, BUCKET_NAME), { uploadDays })
    const faults = [...ours, ...others]
    const rules =
      faults.length === 0
        ? ok('private, encrypted, uploads expire')
        : wrong(faults.join(' '), ours.length > 0 ? 'npm run bucket:setup' : 'Change that rule.')
    return [
      { check: 'bucket', ...ok(`${BUCKET_NAME} is there`) },
      { check: 'bucket rules', ...rules },
    ]
  } catch (error) {
    const todo = 'Run npm run bucket:setup -- --check with credentials that may read the settings of the bucket.'
    return [{ check: 'bucket rules', ...wrong(bucketReason(error as Error), todo) }]
  } finally {
    client.destroy()
  }
}
