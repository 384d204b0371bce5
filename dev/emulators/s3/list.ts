import { S3Error } from './error.ts'
import { compareKeys, type ObjectFiles } from './objects.ts'
import { toXml } from './xml.ts'

/** "ListObjectsV2": the most keys on a page. */
const maxPage = 1000

/**
 * Answers ListObjectsV2 page by page, without delimiters.
 *
 * @throws S3Error InvalidArgument for a bad token or page size, NotImplemented for a delimiter
 */
export async function listObjects(bucket: string, objects: ObjectFiles, query: URLSearchParams): Promise<string> {
  if (query.get('delimiter')) throw new S3Error('NotImplemented', 'The emulated S3 lists without a delimiter.')
  const prefix = query.get('prefix') ?? ''
  const token = query.get('continuation-token')
  const after = token === null ? (query.get('start-after') ?? '') : Buffer.from(token, 'base64url').toString()
  if (token !== null && after === '') throw invalid('continuation-token', 'The continuation token is incorrect')
  const maxKeys = Number(query.get('max-keys') ?? maxPage)
  if (!Number.isInteger(maxKeys) || maxKeys < 0) throw invalid('max-keys', 'Provided max-keys not an integer')

  const rest = (await objects.list(prefix)).filter(({ key }) => compareKeys(key, after) > 0)
  const page = rest.slice(0, Math.min(maxKeys, maxPage))
  const last = page.length < rest.length ? page.at(-1)?.key : undefined
  return toXml({
    ListBucketResult: {
      '@': { xmlns: 'http://s3.amazonaws.com/doc/2006-03-01/' },
      Name: bucket,
      Prefix: prefix,
      MaxKeys: maxKeys,
      KeyCount: page.length,
      IsTruncated: page.length < rest.length,
      StartAfter: query.get('start-after'),
      ContinuationToken: token,
      NextContinuationToken: last && Buffer.from(last).toString('base64url'),
      Contents: page.map(({ key, modifiedAt, md5, bytes }) => ({
        Key: key,
        LastModified: modifiedAt.toISOString(),
        ETag: `"${md5}"`,
        Size: bytes,
        StorageClass: 'STANDARD',
      })),
    },
  })
}

function invalid(name: string, message: string): S3Error {
  return new S3Error('InvalidArgument', message, { ArgumentName: name })
}
