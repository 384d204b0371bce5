import type { Context, ObjectStore } from '@20minutes/s3rver'
import S3Error from '@20minutes/s3rver/lib/models/error.js'

/** Lists keys in the order of their UTF-8 bytes, as S3 does; the package lists, and cuts off, in that of its files. */
export function sortLists(store: ObjectStore): void {
  const listObjects = store.listObjects.bind(store)
  store.listObjects = async (bucket, { maxKeys = Number.POSITIVE_INFINITY, startAfter = '', ...options }) => {
    const { objects, commonPrefixes } = await listObjects(bucket, options)
    const after = objects.filter(({ key }) => compare(key, startAfter) > 0).sort((a, b) => compare(a.key, b.key))
    return { objects: after.slice(0, maxKeys), commonPrefixes, isTruncated: after.length > maxKeys }
  }
}

/**
 * Serves ListObjectsV2 by way of ListObjects: to continue a list of the newer kind, the package needs a cipher that
 * Node.js no longer has.
 */
export async function listVersion2(context: Context, next: () => Promise<unknown>): Promise<void> {
  const { 'list-type': type, 'start-after': startAfter, 'continuation-token': token, ...query } = context.query
  if (type !== '2') {
    await next()
    return
  }
  const marker = token ? Buffer.from(token, 'base64url').toString() : startAfter
  if (token && !marker) {
    throw new S3Error('InvalidArgument', 'The continuation token provided is incorrect', {
      ArgumentName: 'continuation-token',
    })
  }
  context.query = marker ? { ...query, marker } : query
  await next()
  const { ListBucketResult: listed } = context.body as { ListBucketResult?: Listed }
  if (!listed) return
  const { Marker, NextMarker, Contents, ...rest } = listed
  const last = listed.IsTruncated ? Contents.at(-1)?.Key : undefined
  context.body = {
    ListBucketResult: {
      ...rest,
      StartAfter: startAfter,
      ContinuationToken: token,
      NextContinuationToken: last && Buffer.from(last).toString('base64url'),
      KeyCount: Contents.length + listed.CommonPrefixes.length,
      Contents: query['fetch-owner'] === 'true' ? Contents : Contents.map(({ Owner, ...object }) => object),
    },
  }
}

/** What the package answers to ListObjects. */
interface Listed {
  readonly Marker: string
  readonly NextMarker?: string
  readonly IsTruncated: boolean
  readonly Contents: readonly { readonly Key: string; readonly Owner?: unknown }[]
  readonly CommonPrefixes: readonly unknown[]
}

const compare = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))
