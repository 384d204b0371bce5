import type { Settings } from './settings.ts'

/** The actions on objects that a function may need. */
type ObjectAction = 's3:GetObject' | 's3:PutObject' | 's3:DeleteObject'

/**
 * The private bucket that keeps the images: encrypted, over TLS only, and with the two age rules of
 * core/images/bucket.ts, for uploads alone.
 */
export function createBucket({ DEPLOY_ORIGINS: origins, UPLOAD_RETENTION_DAYS: days }: Settings) {
  const bucket = new sst.aws.Bucket('Images', {
    // Pages post uploads to the bucket and show images from it.
    cors: origins ? { allowOrigins: origins, allowMethods: ['GET', 'HEAD', 'POST'], maxAge: '1 hour' } : false,
    lifecycle: [{ id: 'vision-pipeline-expire-uploads', prefix: 'uploads/', expiresIn: `${days} days` }],
    transform: {
      bucket: (args) => {
        // Only an empty bucket is deleted where data is kept.
        args.forceDestroy = $app.removal === 'remove'
      },
      lifecycle: (args) => {
        args.rules = $util.output(args.rules).apply((rules = []) => [
          ...rules,
          {
            id: 'vision-pipeline-abort-incomplete-uploads',
            status: 'Enabled',
            filter: { prefix: 'uploads/' },
            abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
          },
        ])
      },
    },
  })
  new aws.s3.BucketServerSideEncryptionConfiguration('ImagesEncryption', {
    bucket: bucket.name,
    rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: 'AES256' }, bucketKeyEnabled: true }],
  })
  return bucket
}

/** A function's permissions for the objects under a prefix. */
export function mayUse(bucket: sst.aws.Bucket, prefix: 'images/' | 'uploads/', actions: ObjectAction[]) {
  return { actions, resources: [$interpolate`${bucket.arn}/${prefix}*`] }
}

/** Without this permission S3 reports a missing object as forbidden. */
export function maySeeWhatIsMissing(bucket: sst.aws.Bucket) {
  return { actions: ['s3:ListBucket'], resources: [bucket.arn] }
}
