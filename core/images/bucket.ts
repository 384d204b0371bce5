import {
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetPublicAccessBlockCommand,
  type LifecycleRule,
  type PublicAccessBlockConfiguration,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutPublicAccessBlockCommand,
  type S3Client,
  type ServerSideEncryptionRule,
  type TransitionDefaultMinimumObjectSize,
} from '@aws-sdk/client-s3'
import { bucketCallMs } from './limits.ts'

/** The configuration of a bucket, in the terms of S3's own API. */
export interface BucketSettings {
  /** GetPublicAccessBlock; nothing if none was ever set. */
  readonly publicAccess: PublicAccessBlockConfiguration | undefined
  /** GetBucketEncryption; nothing if none was ever set, as a server other than AWS may have it. */
  readonly encryption: ServerSideEncryptionRule | undefined
  /** GetBucketLifecycleConfiguration: every rule, ours and others. */
  readonly rules: readonly LifecycleRule[]
  /** Belongs to the rules as a whole; absent where the server does not support it. */
  readonly transitionMinimum: TransitionDefaultMinimumObjectSize | undefined
}

/** The settings that we decide. */
export interface BucketRules {
  /** After how many whole days an upload is deleted. */
  readonly uploadDays: number
}

const uploadPrefix = 'uploads/'
/** Snapshots: only the sweeper deletes them, once no job uses them. */
const snapshotPrefix = 'images/'
const expireId = 'vision-pipeline-expire-uploads'
const abortId = 'vision-pipeline-abort-incomplete-uploads'

/** "Blocking public access to your Amazon S3 storage": the four settings, which are independent. */
const noPublicAccess = {
  BlockPublicAcls: true,
  IgnorePublicAcls: true,
  BlockPublicPolicy: true,
  RestrictPublicBuckets: true,
} as const satisfies PublicAccessBlockConfiguration

/**
 * Makes a bucket private and encrypted, and sets our two lifecycle rules: PutPublicAccessBlock, PutBucketEncryption and
 * PutBucketLifecycleConfiguration of the S3 API. Idempotent. Other people's settings stay: lifecycle rules with other ids,
 * encryption with a key of AWS KMS, and blocked kinds of encryption.
 *
 * @throws the client's error; settings made before it stay
 */
export async function configureBucket(client: S3Client, bucket: string, rules: BucketRules): Promise<void> {
  const found = await describeBucket(client, bucket)
  const Bucket = bucket
  await client.send(
    new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration: noPublicAccess }),
    limited(),
  )
  // A key of the operator's own exceeds our requirements.
  if (!algorithmOf(found)?.startsWith('aws:kms')) {
    const rule = {
      ...found.encryption,
      ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' },
      BucketKeyEnabled: true,
    } as const satisfies ServerSideEncryptionRule
    await client.send(
      new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: { Rules: [rule] } }),
      limited(),
    )
  }
  const others = found.rules.filter((rule) => !isOurs(rule)).map(withFilter)
  await client.send(
    new PutBucketLifecycleConfigurationCommand({
      Bucket,
      LifecycleConfiguration: { Rules: [...others, ...ourRules(rules)] },
      // If left out, S3 would replace what applies to the other rules by its default.
      TransitionDefaultMinimumObjectSize: found.transitionMinimum,
    }),
    limited(),
  )
}

/**
 * Reads the settings in force: GetPublicAccessBlock, GetBucketEncryption and GetBucketLifecycleConfiguration of the S3 API.
 *
 * @throws the client's error
 */
export async function describeBucket(client: S3Client, bucket: string): Promise<BucketSettings> {
  const Bucket = bucket
  const publicAccess = await unlessUnset(
    'NoSuchPublicAccessBlockConfiguration',
    client.send(new GetPublicAccessBlockCommand({ Bucket }), limited()),
  )
  const encryption = await unlessUnset(
    'ServerSideEncryptionConfigurationNotFoundError',
    client.send(new GetBucketEncryptionCommand({ Bucket }), limited()),
  )
  const lifecycle = await unlessUnset(
    'NoSuchLifecycleConfiguration',
    client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }), limited()),
  )
  return {
    publicAccess: publicAccess?.PublicAccessBlockConfiguration,
    // "PutBucketEncryption": a bucket has one rule.
    encryption: encryption?.ServerSideEncryptionConfiguration?.Rules?.[0],
    rules: lifecycle?.Rules ?? [],
    transitionMinimum: lifecycle?.TransitionDefaultMinimumObjectSize,
  }
}

/**
 * The faults in a bucket's settings.
 *
 * @returns a sentence for each fault: those that {@link configureBucket} fixes, and those that need a decision
 */
export function bucketFaults(
  settings: BucketSettings,
  { uploadDays }: BucketRules,
): { readonly ours: readonly string[]; readonly others: readonly string[] } {
  const ours: string[] = []
  const open = Object.keys(noPublicAccess).filter(
    (key) => settings.publicAccess?.[key as keyof typeof noPublicAccess] !== true,
  )
  if (open.length > 0) ours.push(`Public access is not blocked: ${open.join(', ')} must be on.`)
  if (algorithmOf(settings) === undefined) ours.push('New objects are not encrypted.')
  const expire = settings.rules.find(({ ID }) => ID === expireId)
  if (!expire || !isLike(expire) || expire.Expiration?.Days !== uploadDays) {
    ours.push(`No rule ${expireId} deletes ${uploadPrefix} after ${days(uploadDays)}.`)
  }
  const abort = settings.rules.find(({ ID }) => ID === abortId)
  if (!abort || !isLike(abort) || abort.AbortIncompleteMultipartUpload?.DaysAfterInitiation !== 1) {
    ours.push(`No rule ${abortId} ends incomplete multipart uploads to ${uploadPrefix} after 1 day.`)
  }
  const others = settings.rules
    .filter((rule) => !isOurs(rule) && rule.Status === 'Enabled' && deletesImages(rule, uploadDays))
    .map(({ ID = '' }) => `The rule ${ID} deletes images that jobs still need: change or remove it.`)
  return { ours, others }
}

/** The settings in force for people: a name and a few words each. */
export function bucketSummary(settings: BucketSettings): readonly (readonly [name: string, words: string])[] {
  const { publicAccess, encryption, rules } = settings
  const blocked = Object.keys(noPublicAccess).filter((key) => publicAccess?.[key as keyof typeof noPublicAccess])
  const key = encryption?.BucketKeyEnabled ? ', with a bucket key' : ''
  return [
    ['public access', blocked.length === 4 ? 'blocked' : `blocked in ${blocked.length} of 4 ways`],
    ['encryption', `${algorithmOf(settings) ?? 'none'}${key}`],
    ...rules.map((rule) => [`rule ${rule.ID ?? 'without an id'}`, describeRule(rule)] as const),
  ]
}

/** Both are only for uploads: the bucket may hold other things. */
function ourRules({ uploadDays }: BucketRules): LifecycleRule[] {
  const rule = { Status: 'Enabled', Filter: { Prefix: uploadPrefix } } as const
  return [
    { ...rule, ID: expireId, Expiration: { Days: uploadDays } },
    { ...rule, ID: abortId, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } },
  ]
}

const isOurs = ({ ID }: LifecycleRule) => ID === expireId || ID === abortId

/** Whether a rule of ours is enabled, for the prefix that it is meant for. */
function isLike(rule: LifecycleRule): boolean {
  return rule.Status === 'Enabled' && prefixOf(rule) === uploadPrefix && rule.Filter?.And === undefined
}

/** In the older form of a rule the prefix is not in a filter; S3 takes no configuration with rules of both forms. */
function withFilter({ Prefix, ...rule }: LifecycleRule): LifecycleRule {
  return Prefix === undefined || rule.Filter ? rule : { ...rule, Filter: { Prefix } }
}

/** Whether another rule would delete a snapshot, or an upload too early. Ours have no tags. */
function deletesImages(rule: LifecycleRule, uploadDays: number): boolean {
  const { Days, Date: date } = rule.Expiration ?? {}
  if ((Days === undefined && date === undefined) || rule.Filter?.Tag || rule.Filter?.And?.Tags?.length) return false
  const prefix = prefixOf(rule)
  const covers = (ours: string) => prefix.startsWith(ours) || ours.startsWith(prefix)
  return covers(snapshotPrefix) || (covers(uploadPrefix) && (Days === undefined || Days < uploadDays))
}

function prefixOf({ Filter, Prefix }: LifecycleRule): string {
  return Filter?.Prefix ?? Filter?.And?.Prefix ?? Prefix ?? ''
}

function describeRule(rule: LifecycleRule): string {
  const { Expiration, AbortIncompleteMultipartUpload: abort } = rule
  const does = [
    Expiration?.Days !== undefined && `deletes after ${days(Expiration.Days)}`,
    abort?.DaysAfterInitiation !== undefined &&
      `ends incomplete multipart uploads after ${days(abort.DaysAfterInitiation)}`,
  ].filter((words) => words !== false)
  const what = `${prefixOf(rule) || 'every key'}: ${does.join(', ') || 'does something else'}`
  return rule.Status === 'Enabled' ? what : `${what} (off)`
}

const days = (count: number) => (count === 1 ? '1 day' : `${count} days`)

function algorithmOf({ encryption }: BucketSettings): string | undefined {
  return encryption?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm
}

/** The answer to a question about a setting; undefined where S3 says by this code that it was never put. */
export async function unlessUnset<Answer>(code: string, answer: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof Error && error.name === code) return undefined
    throw error
  }
}

/** The time limit of one call. */
export function limited(): { abortSignal: AbortSignal } {
  return { abortSignal: AbortSignal.timeout(bucketCallMs) }
}
