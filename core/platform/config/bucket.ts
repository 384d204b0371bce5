import { type Environment, environment, load } from './load.ts'
import { type Values, wholeNumber } from './setting.ts'
import { storage } from './shared.ts'

export const bucketKeys = {
  ...storage,
  // No less: a job may wait, fail and be retried by its owner days after its image was uploaded.
  UPLOAD_RETENTION_DAYS: wholeNumber({
    min: 7,
    because: 'since a job may be retried days after its image was uploaded',
  }).or(7),
}

/** The configuration for setting up the bucket. */
export type BucketConfig = Values<typeof bucketKeys>

/** @throws ConfigError */
export function loadBucketConfig(env: Environment = environment()): BucketConfig {
  return load(bucketKeys, env)
}
