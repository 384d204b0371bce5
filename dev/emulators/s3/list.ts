import { S3Error } from './error.ts'
import { compareKeys, type ObjectFiles, type StoredObject } from './objects.ts'
import { toXml } from './xml.ts'

/** "ListObjectsV2": the most keys and prefixes on a page. */
const maxPage = 1000

/**
 * Answers ListObjectsV2, pages and delimiters included.
 *
 * @throws S3Error InvalidArgument for a token or a page size that is none
 */
export function listObjects(bucket: string, objects: ObjectFiles, query: URLSearchParams): string {
  const prefix = query.get('prefix') ?? ''
  const delimiter = query.get('delimiter') ?? ''
  const token = query.get('continuation-token')
  const after = token === null ? (query.get('start-after') ?? '') : decodeToken(token)
  const wanted = Number(query.get('max-keys') ?? maxPage)
  if (!Number.isInteger(wanted) || wanted < 0) throw invalid('max-keys', 'Provided max-keys not an integer')

  const rest = group(objects.list(prefix), prefix, delimiter).filter(({ name }) => compareKeys(name, after) > 0)
  const page = rest.slice(0, Math.min(wanted, maxPage))
  const last = page.length < rest.length ? page.at(-1)?.name : undefined
  return toXml({
    ListBucketResult: {
      '@': { xmlns: 'http://s3.amazonaws.com/doc/2006-03-01/' },
      Name: bucket,
      Prefix: prefix,
      Delimiter: delimiter || undefined,
      MaxKeys: wanted,
      KeyCount: page.length,
      IsTruncated: page.length < rest.length,
      StartAfter: query.get('start-after'),
      ContinuationToken: token,
      NextContinuationToken: last && Buffer.from(last).toString('base64url'),
      Contents: page.flatMap(({ object }) => (object ? [describe(object)] : [])),
      CommonPrefixes: page.flatMap(({ name, object }) => (object ? [] : [{ Prefix: name }])),
    },
  })
}

interface Entry {
  /** A key, or a prefix that several keys have in common. */
  readonly name: string
  readonly object?: StoredObject
}

function group(objects: readonly StoredObject[], prefix: string, delimiter: string): readonly Entry[] {
  const entries = new Map<string, Entry>()
  for (const object of objects) {
    const end = delimiter ? object.key.indexOf(delimiter, prefix.length) : -1
    if (end === -1) entries.set(object.key, { name: object.key, object })
    else {
      const name = object.key.slice(0, end + delimiter.length)
      entries.set(name, { name })
    }
  }
  return [...entries.values()]
}

function describe({ key, modifiedAt, md5, bytes }: StoredObject) {
  return {
    Key: key,
    LastModified: modifiedAt.toISOString(),
    ETag: `"${md5}"`,
    Size: bytes,
    StorageClass: 'STANDARD',
  }
}

function decodeToken(token: string): string {
  const key = Buffer.from(token, 'base64url').toString()
  if (key === '') throw invalid('continuation-token', 'The continuation token provided is incorrect')
  return key
}

function invalid(name: string, message: string): S3Error {
  return new S3Error('InvalidArgument', message, { ArgumentName: name })
}
