import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import * as z from 'zod'
import type { S3Answer } from './answer.ts'
import { S3Error } from './error.ts'
import type { ObjectFiles } from './objects.ts'
import { signedBody } from './signed-body.ts'
import { fromXml, toXml, type XmlElements } from './xml.ts'

/** Every element is a list, as it may be repeated; one that is not known here is kept as it is. */
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
} as const
type Setting = keyof typeof settings

const namespace = { '@': { xmlns: 'http://s3.amazonaws.com/doc/2006-03-01/' } }
/** "PutBucketLifecycleConfiguration": goes with the rules, in a header. */
const minimumSizeHeader = 'x-amz-transition-default-minimum-object-size'

/** The settings of a bucket, each a document in a folder. */
export interface BucketSettings {
  /**
   * Serves GetPublicAccessBlock, PutPublicAccessBlock, GetBucketEncryption, PutBucketEncryption,
   * GetBucketLifecycleConfiguration and PutBucketLifecycleConfiguration, as AWS documents them.
   *
   * @param request whose signature is checked already
   * @returns nothing if it is another request
   * @throws S3Error MalformedXML, InvalidArgument, InvalidRequest, XAmzContentSHA256Mismatch, or that the setting was never put
   */
  serve(request: IncomingMessage, query: URLSearchParams): Promise<S3Answer | undefined>
  /**
   * Deletes the objects whose time is over, by the rules that delete after days and choose by prefix alone; other rules
   * are kept and have no effect here. "Lifecycle and object expiration": the time ends at the first midnight of UTC at
   * least so many days after the object was written.
   */
  expire(objects: ObjectFiles, now: Date): Promise<void>
}

/** Opens the folder, made if missing. A bucket begins without settings, as one of the time before S3 gave each new bucket two. */
export async function openBucketSettings(folder: string): Promise<BucketSettings> {
  await mkdir(folder, { recursive: true })
  const pathOf = (setting: Setting) => join(folder, `${setting}.xml`)
  const minimumSizePath = join(folder, 'transition-minimum')
  return {
    serve: async (request, query) => {
      const setting = (Object.keys(settings) as Setting[]).find((name) => query.has(name))
      if (!setting || !['GET', 'PUT'].includes(request.method ?? '')) return undefined
      if (request.method === 'GET') {
        const body = await readText(pathOf(setting))
        const [code, message] = settings[setting].unset
        if (body === undefined) throw new S3Error(code, message)
        const minimum = setting === 'lifecycle' ? await readText(minimumSizePath) : undefined
        return {
          status: 200,
          headers: { 'content-type': 'application/xml', ...(minimum && { [minimumSizeHeader]: minimum }) },
          body,
        }
      }
      const document = checkedDocument(setting, await text(signedBody(request)))
      const minimum = request.headersDistinct[minimumSizeHeader]?.[0] ?? 'all_storage_classes_128K'
      if (setting === 'lifecycle') await write(minimumSizePath, minimum)
      await write(pathOf(setting), toXml(document))
      return { status: 200, headers: setting === 'lifecycle' ? { [minimumSizeHeader]: minimum } : {} }
    },
    expire: async (objects, now) => {
      for (const { prefix, days } of expiryRules(await readText(pathOf('lifecycle')))) {
        for (const { key, modifiedAt } of objects.list(prefix)) {
          const ends = Math.ceil(modifiedAt.getTime() / dayMs + days) * dayMs
          if (now.getTime() >= ends) await objects.delete(key)
        }
      }
    },
  }
}

const dayMs = 86_400_000

function expiryRules(document: string | undefined): readonly { readonly prefix: string; readonly days: number }[] {
  if (document === undefined) return []
  const { LifecycleConfiguration } = fromXml(document) as Record<string, readonly unknown[]>
  return lifecycle.parse(LifecycleConfiguration?.[0]).Rule.flatMap((rule) => {
    const filter = rule.Filter?.[0] || {}
    const days = rule.Expiration?.[0].Days?.[0]
    const byPrefixAlone = Object.keys(filter).every((condition) => condition === 'Prefix')
    if (rule.Status[0] !== 'Enabled' || days === undefined || !byPrefixAlone) return []
    return [{ prefix: filter.Prefix?.[0] ?? rule.Prefix?.[0] ?? '', days: Number(days) }]
  })
}

/** What is kept of a document that was put: all of it, with what S3 adds. */
function checkedDocument(setting: Setting, xml: string): XmlElements {
  const { root, schema } = settings[setting]
  const read = fromXml(xml)
  const given = typeof read === 'object' ? read[root]?.[0] : undefined
  if (!schema.safeParse(given).success || typeof given !== 'object') {
    throw new S3Error(
      'MalformedXML',
      'The XML you provided was not well-formed or did not validate against our published schema',
    )
  }
  if (setting === 'publicAccessBlock') {
    const flags = Object.keys(publicAccessBlock.shape).map((name) => [name, given[name]?.[0] ?? 'false'])
    return { [root]: { ...namespace, ...Object.fromEntries(flags) } }
  }
  if (setting === 'encryption') return { [root]: { ...namespace, ...given } }
  checkRules(lifecycle.parse(given).Rule)
  const rules = (given.Rule ?? []).map((rule) => ({ ID: randomUUID(), ...(rule as XmlElements) }))
  return { [root]: { ...namespace, Rule: rules } }
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

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** In full or not at all. */
async function write(path: string, content: string): Promise<void> {
  const partial = `${path}.${randomUUID()}.partial`
  await writeFile(partial, content)
  await rename(partial, path)
}
