import { createHash, randomUUID } from 'node:crypto'
import { rename, rm } from 'node:fs/promises'
import { IncomingMessage } from 'node:http'
import { pipeline, type Readable, Transform } from 'node:stream'
import type { ObjectStore } from '@20minutes/s3rver'
import S3Error from '@20minutes/s3rver/lib/models/error.js'

/** "Naming Amazon S3 objects": a key measures up to 1,024 bytes of UTF-8. */
const maxKeyBytes = 1024
/** A part of a key is a file's name, of up to 255 bytes on most file systems; the rest is for what is appended to it. */
const maxNameBytes = 190

/**
 * Makes the package's store safe to hand any request to: no key, bucket or upload id leads out of the folder or to
 * another object, an object is there in full or not at all, and a body is the one that was signed.
 */
export function guardStore(store: ObjectStore): void {
  keepInFolder(store)
  storeWhole(store)
  deleteOne(store)
}

function keepInFolder(store: ObjectStore): void {
  const getResourcePath = store.getResourcePath.bind(store)
  store.getResourcePath = (bucket, key, resource) => {
    checkBucket(bucket)
    checkKey(key ?? '')
    return getResourcePath(bucket, key, resource)
  }
  const getBucketPath = store.getBucketPath.bind(store)
  store.getBucketPath = (bucket) => {
    checkBucket(bucket)
    return getBucketPath(bucket)
  }
  const putPart = store.putPart.bind(store)
  store.putPart = async (bucket, uploadId, partNumber, content) => {
    checkUploadId(uploadId)
    if (!/^\d{1,5}$/.test(partNumber)) {
      throw new S3Error('InvalidArgument', 'Part number must be an integer between 1 and 10000, inclusive')
    }
    return putPart(bucket, uploadId, partNumber, content)
  }
  const putObjectMultipart = store.putObjectMultipart.bind(store)
  store.putObjectMultipart = async (bucket, uploadId, parts) => {
    checkUploadId(uploadId)
    return putObjectMultipart(bucket, uploadId, parts)
  }
}

function checkBucket(bucket: string): void {
  if (!/^(?!\.+$)[^/\\\0]+$/.test(bucket)) {
    throw new S3Error('InvalidBucketName', 'The specified bucket is not valid.', { BucketName: bucket })
  }
}

/** S3 takes `a//b` and `a/./b` as keys of their own; in a folder they are `a/b`, so here they are refused. */
function checkKey(key: string): void {
  const parts = key.split('/')
  const tooLong = parts.some((part) => Buffer.byteLength(part) > maxNameBytes)
  if (tooLong || Buffer.byteLength(key) > maxKeyBytes) throw new S3Error('KeyTooLongError', 'Your key is too long')
  if (
    key.includes('\0') ||
    parts.some((part, at) => part === '.' || part === '..' || (part === '' && at < parts.length - 1))
  ) {
    throw new S3Error('InvalidURI', "Couldn't parse the specified URI.", { Key: key })
  }
}

function checkUploadId(uploadId: string): void {
  if (!/^[0-9a-f]{32}$/.test(uploadId)) throw new S3Error('NoSuchUpload', 'The specified upload does not exist.')
}

/** The package would leave what came of an upload that broke off, or was not what its sender signed. */
function storeWhole(store: ObjectStore): void {
  const putContent = store.putContent.bind(store)
  store.putContent = async (path, content) => {
    const partial = `${path}.${randomUUID()}.partial`
    try {
      const stored = await putContent(partial, content instanceof IncomingMessage ? signedBody(content) : content)
      await rename(partial, path)
      return stored
    } catch (problem) {
      await rm(partial, { force: true })
      throw problem
    }
  }
}

/** The package then removes the folder if it is empty, and with it an object that arrives in it at that moment. */
function deleteOne(store: ObjectStore): void {
  store.deleteObject = async (bucket, key) => {
    for (const resource of ['object', 'object.md5', 'metadata.json']) {
      await rm(store.getResourcePath(bucket, key, resource), { force: true })
    }
  }
}

/** The body of a request, which ends with an error if it is not the one whose SHA-256 was signed. */
export function signedBody(request: IncomingMessage): Readable {
  const signed = request.headers['x-amz-content-sha256']
  if (signed === undefined || signed === 'UNSIGNED-PAYLOAD') return request
  const hash = createHash('sha256')
  const checked = new Transform({
    transform(piece: Buffer, _encoding, done) {
      hash.update(piece)
      done(null, piece)
    },
    flush(done) {
      done(hash.digest('hex') === signed ? null : differentBody())
    },
  })
  return pipeline(request, checked, () => {})
}

function differentBody(): S3Error {
  const message = "The provided 'x-amz-content-sha256' header does not match what was computed."
  return Object.assign(new S3Error('XAmzContentSHA256Mismatch', message), { status: 400 })
}
