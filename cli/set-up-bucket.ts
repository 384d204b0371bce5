import { parseArgs } from 'node:util'
import type { S3ServiceException } from '@aws-sdk/client-s3'
import { bucketFaults, bucketSummary, configureBucket, describeBucket } from '../core/images/bucket.ts'
import { createS3Client } from '../core/images/s3.ts'
import { loadBucketConfig } from '../core/platform/config/bucket.ts'
import { OptionsError } from '../dev/boot/options.mjs'
import { errorText } from '../dev/errors/error-text.ts'
import { StartError } from '../dev/errors/start-error.ts'
import { bucketPlace, bucketReason, checkBucket } from '../dev/parts/check-bucket.ts'
import type { ExitCode, Terminal } from './terminal.ts'

const usage = `Sets up the bucket of BUCKET_NAME, exported or in .env: no public access, encryption, and the deletion of uploads
after UPLOAD_RETENTION_DAYS. Other lifecycle rules are kept. Running it again changes nothing.

Usage: npm run bucket:setup [-- options]

Options:
  --check     changes nothing; exits with 1 if a setting is wrong
  -h, --help  show this and exit
`

const permissions =
  's3:GetBucketPublicAccessBlock, s3:GetEncryptionConfiguration and s3:GetLifecycleConfiguration, ' +
  'and to set it up the same three with Put'

/**
 * Sets up the bucket, or with `--check` only checks it.
 *
 * @param args the arguments after `npm run bucket:setup --`
 * @returns 0 if every setting is correct
 */
export async function setUpBucket(args: string[], { environment, out, error }: Terminal): Promise<ExitCode> {
  try {
    const { help, check } = readArguments(args)
    if (help) {
      out(usage)
      return 0
    }
    return (await setUp(environment(), check, (line) => out(`${line}\n`))) ? 0 : 1
  } catch (failure) {
    error(`${errorText(failure)}\n`)
    return failure instanceof OptionsError ? 2 : 1
  }
}

function readArguments(args: string[]): { help: boolean; check: boolean } {
  try {
    const { values } = parseArgs({
      args,
      options: { help: { type: 'boolean', short: 'h', default: false }, check: { type: 'boolean', default: false } },
    })
    return values
  } catch (error) {
    throw new OptionsError(`${(error as Error).message}\n\n${usage}`)
  }
}

/** @returns whether every setting is correct */
async function setUp(
  env: Record<string, string | undefined>,
  check: boolean,
  say: (line: string) => void,
): Promise<boolean> {
  const config = loadBucketConfig(env)
  await checkBucket(config)
  const rules = { uploadDays: config.UPLOAD_RETENTION_DAYS }
  const client = createS3Client(config)
  try {
    if (!check) await configureBucket(client, config.BUCKET_NAME, rules)
    const settings = await describeBucket(client, config.BUCKET_NAME)
    say(`${bucketPlace(config)} has`)
    for (const [name, words] of bucketSummary(settings)) say(`  ${name}: ${words}`)
    const { ours, others } = bucketFaults(settings, rules)
    if (ours.length + others.length === 0) say('The bucket is set up correctly.')
    for (const fault of [...ours, ...others]) say(fault)
    if (check && ours.length > 0) say('Run npm run bucket:setup to fix this.')
    return ours.length + others.length === 0
  } catch (error) {
    throw refusal(error as Partial<S3ServiceException> & Error)
  } finally {
    client.destroy()
  }

  function refusal(error: Partial<S3ServiceException> & Error): StartError {
    const why =
      error.$metadata?.httpStatusCode === 403
        ? `${error.message}. The credentials need ${permissions}.`
        : error.$metadata?.httpStatusCode
          ? `the server says ${error.name}: ${error.message}.`
          : bucketReason(error)
    return new StartError(`The settings of ${bucketPlace(config).replace(/^T/, 't')} cannot be used: ${why}`)
  }
}
