import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { S3Answer } from './answer.ts'
import { type BucketSettings, openBucketSettings } from './bucket-settings.ts'
import { noSuchBucket, S3Error } from './error.ts'
import { listObjects } from './list.ts'
import { type ObjectFiles, objectHeaders, openObjects, type StoredObject } from './objects.ts'
import { storePostedObject } from './post-object.ts'
import { verifiedTarget } from './request-signature.ts'
import type { AccessKey } from './signature.ts'
import { signedBody } from './signed-body.ts'
import { errorXml } from './xml.ts'

/** An emulated S3, running. */
export interface S3Emulator {
  /** For `endpoint` of an S3 client, with `forcePathStyle`. */
  readonly endpoint: string
  /** Ends every open connection and frees the port; the objects stay in the folder. */
  stop(): Promise<void>
}

export interface S3EmulatorOptions {
  /** Where the objects are kept, made if missing; what is in it from before is served again. */
  readonly folder: string
  readonly bucket: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** A free one if not given. */
  readonly port?: number
  /** The time that signatures, policies and the age of objects are checked against. */
  readonly now?: () => Date
}

interface Bucket {
  readonly name: string
  readonly objects: ObjectFiles
  readonly settings: BucketSettings
}

/** How often expired objects are deleted; S3 itself may take days. */
const expiryEveryMs = 3_600_000

/** How long a client that was refused may go on sending, so that it comes to read why, before it is cut off. */
const lingerMs = 1000

/**
 * Starts an emulated S3 on 127.0.0.1 with one private bucket, kept in a folder: PUT, GET, HEAD, DELETE and POST of an object, lists
 * (ListObjectsV2), and the settings of the bucket. It refuses what S3 refuses: requests that the one key has not signed (in
 * headers, in a presigned URL or in the policy of an upload form), that have expired, or that are not what was signed. It
 * differs from S3 in that it is in every region, knows no temporary credentials, and answers 501 to everything else: copies, parts,
 * batches, ranges, bodies in signed chunks. Objects that a lifecycle rule is for are deleted at the start and every hour.
 *
 * @throws the error of `listen`, such as EADDRINUSE
 */
export async function startS3Emulator(options: S3EmulatorOptions): Promise<S3Emulator> {
  const { folder, bucket: name, accessKeyId, secretAccessKey, port = 0, now = () => new Date() } = options
  const key = { accessKeyId, secretAccessKey }
  const server = createServer(async (request, response) => {
    try {
      await send(request, response, await serve(request, { bucket, key, now: now() }))
    } catch (problem) {
      refuse(request, response, problem)
    }
  })
  const objects = await openObjects(join(folder, name, 'objects'))
  const settings = await openBucketSettings(join(folder, name, 'settings'))
  const bucket: Bucket = { name, objects, settings }
  await settings.expire(objects, now())
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  // A run that fails, as on a full disk, is made up for by the next.
  const expiry = setInterval(() => void settings.expire(objects, now()).catch(() => {}), expiryEveryMs)
  expiry.unref()
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        clearInterval(expiry)
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

interface Context {
  readonly bucket: Bucket
  readonly key: AccessKey
  readonly now: Date
}

async function serve(request: IncomingMessage, { bucket, key, now }: Context): Promise<S3Answer> {
  const { method = '', url = '' } = request
  // A preflight asks about a request to come, and carries no signature.
  if (method === 'OPTIONS') return preflight(request, bucket)
  const postedTo = method === 'POST' && /^\/([^/?#%]+)\/?$/.exec(url)?.[1]
  if (postedTo) {
    if (postedTo !== bucket.name) throw noSuchBucket(postedTo)
    return storePostedObject(request, { bucket: bucket.name, key, now, objects: bucket.objects })
  }
  const { bucketName, objectKey, query } = parseTarget(verifiedTarget(request, key, now))
  if (bucketName === '') throw notImplemented()
  if (bucketName !== bucket.name) throw noSuchBucket(bucketName)
  return objectKey === '' ? serveBucket(request, query, bucket) : serveObject(request, query, objectKey, bucket.objects)
}

/** @param target a path in the form that was signed, and a query */
function parseTarget(target: string) {
  const [path = '', query = ''] = target.split('?')
  const [bucketName = '', ...parts] = path.slice(1).split('/').map(decodeURIComponent)
  return { bucketName, objectKey: parts.join('/'), query: new URLSearchParams(query) }
}

async function serveBucket(
  request: IncomingMessage,
  query: URLSearchParams,
  { name, objects, settings }: Bucket,
): Promise<S3Answer> {
  const answer = await settings.serve(request, query)
  if (answer) return answer
  // An upload form is signed by its policy, not by its link.
  if (request.method === 'POST' && !query.has('delete')) throw new S3Error('AccessDenied', 'Access Denied')
  query.delete('x-id')
  if (request.method === 'HEAD' && query.size === 0) return { status: 200 }
  if (request.method === 'GET' && query.get('list-type') === '2') return xml(listObjects(name, objects, query))
  throw notImplemented()
}

async function serveObject(
  request: IncomingMessage,
  query: URLSearchParams,
  key: string,
  objects: ObjectFiles,
): Promise<S3Answer> {
  // A presigned link may carry S3's headers as parameters.
  const moved = [...query].map(([name, value]) => [name.toLowerCase(), value] as const).filter(([name]) => isAmz(name))
  const headers = { ...request.headers, ...Object.fromEntries(moved) }
  const unknown = [...query.keys()].filter((name) => name !== 'x-id' && !isAmz(name) && !responseHeaders.has(name))
  if (unknown.length > 0 || headers['x-amz-copy-source'] !== undefined) throw notImplemented()
  switch (request.method) {
    case 'PUT': {
      const { md5 } = await objects.put(key, signedBody(request), objectHeaders(headers))
      return { status: 200, headers: { etag: `"${md5}"` } }
    }
    case 'HEAD':
    case 'GET': {
      const object = objects.get(key)
      if (!object) throw new S3Error('NoSuchKey', 'The specified key does not exist.', { Key: key })
      return {
        status: 200,
        headers: { ...describe(object), ...overrides(query) },
        ...(request.method === 'GET' && { body: objects.read(object) }),
      }
    }
    case 'DELETE':
      await objects.delete(key)
      return { status: 204 }
    default:
      throw new S3Error('MethodNotAllowed', 'The specified method is not allowed against this resource.')
  }
}

const isAmz = (name: string) => /^x-amz-/i.test(name)

/** "GetObject": parameters of a signed link that set headers of the answer. */
const responseHeaders = new Map(
  ['cache-control', 'content-disposition', 'content-encoding', 'content-language', 'content-type', 'expires'].map(
    (name) => [`response-${name}`, name],
  ),
)

function overrides(query: URLSearchParams): Record<string, string> {
  return Object.fromEntries(
    [...query].flatMap(([parameter, value]) => {
      const name = responseHeaders.get(parameter)
      return name === undefined ? [] : [[name, value]]
    }),
  )
}

function describe({ bytes, md5, headers, modifiedAt }: StoredObject): Record<string, string | number> {
  return { ...headers, 'content-length': bytes, etag: `"${md5}"`, 'last-modified': modifiedAt.toUTCString() }
}

function preflight({ url = '', headers }: IncomingMessage, bucket: Bucket): S3Answer {
  const name = url.split(/[/?]/)[1] ?? ''
  if (name !== bucket.name) throw noSuchBucket(name)
  return {
    status: 200,
    headers: {
      'access-control-allow-methods': 'GET, HEAD, PUT, POST',
      'access-control-allow-headers': headers['access-control-request-headers'] ?? '',
    },
  }
}

function xml(body: string): S3Answer {
  return { status: 200, headers: { 'content-type': 'application/xml' }, body }
}

function notImplemented(): S3Error {
  return new S3Error('NotImplemented', 'The emulated S3 does not do this.')
}

async function send(request: IncomingMessage, response: ServerResponse, answer: S3Answer): Promise<void> {
  response.writeHead(answer.status, { ...answer.headers, ...corsHeaders(request) })
  // A client that leaves in the middle is no fault of ours.
  if (answer.body instanceof Readable) await pipeline(answer.body, response).catch(() => response.destroy())
  else response.end(answer.body)
}

function refuse(request: IncomingMessage, response: ServerResponse, problem: unknown): void {
  const error =
    problem instanceof S3Error
      ? problem
      : new S3Error('InternalError', 'We encountered an internal error. Please try again.')
  response
    .writeHead(error.status, { 'content-type': 'application/xml', ...corsHeaders(request) })
    .end(request.method === 'HEAD' ? '' : errorXml(error))
  request.resume()
  if (request.complete) return
  setTimeout(() => {
    if (!request.complete) request.socket.destroy()
  }, lingerMs).unref()
}

/** A browser's upload or download comes from another origin than the emulator's; the signature still decides. */
function corsHeaders(request: IncomingMessage): Record<string, string> {
  return request.headers.origin === undefined ? {} : { 'access-control-allow-origin': '*', vary: 'Origin' }
}
