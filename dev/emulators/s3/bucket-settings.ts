import { randomUUID } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import * as z from 'zod'
import { S3Error } from './error.ts'
import type { ObjectFiles } from './objects.ts'
import { fromXml, toXml, type XmlElements } from './xml.ts'

/** Every element is a list, as it may be repeated; an unknown one is kept as it is. */
const one = <Content extends z.ZodType>(content: Content) => z.tuple([content])
const flag = one(z.enum(['true', 'false']))
const wholeDays = one(z.string().regex(/^[1-9]\d{0,9}$/))

const publicAccessBlock = z.strictObject({
  BlockPublicAcls: flag.optional(),
  IgnorePublicAcls: flag.optional(),
  BlockPublicPolicy: flag.optional(),
  RestrictPublicBuckets: flag.optional(),
})
const encryption = z.strictObject({
  Rule: one(
    z.looseObject({
      ApplyServerSideEncryptionByDefault: one(
        z.looseObject({ SSEAlgorithm: one(z.enum(['AES256', 'aws:kms', 'aws:kms:dsse'])) }),
      ),
      BucketKeyEnabled: flag.optional(),
    }),
  ),
})
const lifecycleRule = z.looseObject({
  ID: one(z.string().max(255)).optional(),
  Status: one(z.enum(['Enabled', 'Disabled'])),
  // The one form of a rule or the other.
  Prefix: one(z.string()).optional(),
  Filter: one(z.union([z.literal(''), z.looseObject({ Prefix: one(z.string()).optional() })])).optional(),
  Expiration: one(z.looseObject({ Days: wholeDays.optional() })).optional(),
  AbortIncompleteMultipartUpload: one(z.strictObject({ DaysAfterInitiation: wholeDays })).optional(),
})
const lifecycle = z.strictObject({ Rule: z.array(lifecycleRule).min(1).max(1000) })
const cors = z.strictObject({
  CORSRule: z
    .array(
      z.looseObject({
        AllowedOrigin: z.array(z.string().min(1)).min(1),
        AllowedMethod: z.array(z.enum(['GET', 'PUT', 'HEAD', 'POST', 'DELETE'])).min(1),
      }),
    )
    .min(1)
    .max(100),
})
const versioning = z.looseObject({ Status: one(z.enum(['Enabled', 'Suspended'])).optional() })

/** By the name that a setting has in a query: the root of its document, and what S3 answers before it is ever put. */
const settings = {
  publicAccessBlock: {
    root: 'PublicAccessBlockConfiguration',
    schema: publicAccessBlock,
    unset: ['NoSuchPublicAccessBlockConfiguration', 'The public access block configuration was not found'],
  },
  encryption: {
    root: 'ServerSideEncryptionConfiguration',
    schema: encryption,
    unset: ['ServerSideEncryptionConfigurationNotFoundError', 'The server side encryption configuration was not found'],
  },
  lifecycle: {
    root: 'LifecycleConfiguration',
    schema: lifecycle,
    unset: ['NoSuchLifecycleConfiguration', 'The lifecycle configuration does not exist'],
  },
  cors: {
    root: 'CORSConfiguration',
    schema: cors,
    unset: ['NoSuchCORSConfiguration', 'The CORS configuration does not exist'],
  },
  // "GetBucketVersioning": of a bucket where it was never set the answer has no status.
  versioning: { root: 'VersioningConfiguration', schema: versioning, unset: undefined },
} as const
type Setting = keyof typeof settings

/** The content of a setting's document. */
type Stored = Partial<Record<Setting | 'transitionMinimum', XmlElements | string>>

/** A setting as S3 answers it: a document, and a header that goes with lifecycle rules. */
interface SettingAnswer {
  readonly document?: string
  readonly headers: Readonly<Record<string, string>>
}

/** The settings of a bucket, kept in a file. */
export interface BucketSettings {
  /** The setting that a query names, if any. */
  named(query: URLSearchParams): Setting | undefined
  /**
   * GetPublicAccessBlock, GetBucketEncryption, GetBucketLifecycleConfiguration, GetBucketCors and GetBucketVersioning.
   *
   * @throws S3Error if it was never put
   */
  get(setting: Setting): SettingAnswer
  /**
   * PutPublicAccessBlock, PutBucketEncryption, PutBucketLifecycleConfiguration, PutBucketCors and PutBucketVersioning. The last two are
   * kept to be read: objects have no versions here, and pages of any origin may read.
   *
   * @param transitionMinimum the header of that name
   * @throws S3Error MalformedXML, InvalidArgument, InvalidRequest
   */
  put(setting: Setting, xml: string, transitionMinimum: string | undefined): Promise<SettingAnswer>
  /**
   * Deletes the expired objects, by the rules that delete after days and choose by prefix alone; other rules
   * are kept and have no effect here. "Lifecycle and object expiration": an object expires at the first midnight of UTC at
   * least that many days after it was written.
   */
  expire(objects: ObjectFiles, now: Date): Promise<void>
}

/** "PutBucketLifecycleConfiguration": goes with the rules, in a header. */
export const minimumSizeHeader = 'x-amz-transition-default-minimum-object-size'
const dayMs = 86_400_000

/** Opens the file. Without it the bucket has no settings, as one of the time before S3 gave each new bucket two. */
export async function openBucketSettings(path: string): Promise<BucketSettings> {
  const stored: Stored = JSON.parse(await readFile(path, 'utf8').catch(() => '{}'))
  const headersOf = (setting: Setting) => ({
    ...(setting === 'lifecycle' && { [minimumSizeHeader]: String(stored.transitionMinimum) }),
  })
  return {
    named: (query) => (Object.keys(settings) as Setting[]).find((name) => query.has(name)),
    get: (setting) => {
      const { root, unset } = settings[setting]
      const content = stored[setting] ?? (unset ? undefined : {})
      if (typeof content !== 'object') throw new S3Error(unset?.[0] ?? 'InternalError', unset?.[1] ?? '')
      const namespace = { '@': { xmlns: 'http://s3.amazonaws.com/doc/2006-03-01/' } }
      return { document: toXml({ [root]: { ...namespace, ...content } }), headers: headersOf(setting) }
    },
    put: async (setting, xml, transitionMinimum = 'all_storage_classes_128K') => {
      stored[setting] = checkedContent(setting, xml)
      if (setting === 'lifecycle') stored.transitionMinimum = transitionMinimum
      // In full or not at all.
      const partial = `${path}.${randomUUID()}.partial`
      await writeFile(partial, JSON.stringify(stored))
      await rename(partial, path)
      return { headers: headersOf(setting) }
    },
    expire: async (objects, now) => {
      const { Rule: rules = [] } = lifecycle.safeParse(stored.lifecycle).data ?? {}
      for (const { Status, Filter, Prefix, Expiration } of rules) {
        const filter = Filter?.[0] || {}
        const days = Number(Expiration?.[0].Days?.[0])
        const byPrefixAlone = Object.keys(filter).every((condition) => condition === 'Prefix')
        if (Status[0] !== 'Enabled' || Number.isNaN(days) || !byPrefixAlone) continue
        for (const { key, modifiedAt } of await objects.list(filter.Prefix?.[0] ?? Prefix?.[0] ?? '')) {
          const expiresAt = Math.ceil(modifiedAt.getTime() / dayMs + days) * dayMs
          if (now.getTime() >= expiresAt) await objects.delete(key)
        }
      }
    },
  }
}

/** The stored content of a document: all of it, with the defaults that S3 adds. */
function checkedContent(setting: Setting, xml: string): XmlElements {
  const { root, schema } = settings[setting]
  const read = fromXml(xml)
  const given = typeof read === 'object' ? read[root]?.[0] : undefined
  if (!schema.safeParse(given).success || typeof given !== 'object') {
    throw new S3Error(
      'MalformedXML',
      'The XML you provided was not well-formed or did not validate against our published schema',
    )
  }
  if (setting === 'encryption' || setting === 'cors' || setting === 'versioning') return given
  if (setting === 'publicAccessBlock') {
    return Object.fromEntries(Object.keys(publicAccessBlock.shape).map((name) => [name, given[name]?.[0] ?? 'false']))
  }
  checkRules(lifecycle.parse(given).Rule)
  return { Rule: (given.Rule ?? []).map((rule) => ({ ID: randomUUID(), ...(rule as XmlElements) })) }
}

/** What AWS documents of lifecycle rules beyond their schema. */
function checkRules(rules: z.output<typeof lifecycle>['Rule']): void {
  const ids = rules.flatMap(({ ID = [] }) => ID)
  if (new Set(ids).size < ids.length) {
    throw new S3Error('InvalidArgument', 'Rule ID must be unique. Found same ID for more than one rule')
  }
  if (rules.some((rule) => rule.Filter) && rules.some((rule) => rule.Prefix)) {
    throw new S3Error(
      'InvalidRequest',
      'Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the Filter.',
    )
  }
  if (rules.some((rule) => Object.keys(rule).every((name) => ['ID', 'Status', 'Filter', 'Prefix'].includes(name)))) {
    throw new S3Error('InvalidRequest', 'At least one action needs to be specified in a rule')
  }
}
