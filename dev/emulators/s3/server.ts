import { createHash } from 'node:crypto'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { createAdaptorServer, type HttpBindings } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { listenOnLoopback } from '../listen.ts'
import { type BucketSettings, minimumSizeHeader, openBucketSettings } from './bucket-settings.ts'
import { S3Error } from './error.ts'
import { listObjects } from './list.ts'
import { type ObjectFiles, objectHeaders, openObjects } from './objects.ts'
import { storePostedObject, tooLarge } from './post-object.ts'
import { type SignedRequest, verifySignature } from './request-signature.ts'
import type { AccessKey } from './signature.ts'
import { errorXml } from './xml.ts'

/** An emulated S3, running. */
export interface S3Emulator {
  /** For `endpoint` of an S3 client, with `forcePathStyle`. */
  readonly endpoint: string
  /** Ends every open connection and frees the port; the objects stay in the folder. */
  stop(): Promise<void>
}

export interface S3EmulatorOptions {
  /** The folder of the objects, made if missing; objects from before are served again. */
  readonly folder: string
  readonly bucket: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** A free one if not given. */
  readonly port?: number
  /** The time that signatures, policies and the age of objects are checked against. */
  readonly now?: () => Date
}

/** How often expired objects are deleted; S3 itself may take days. */
const expiryEveryMs = 3_600_000

/** The largest body, in bytes, which is read whole: images are up to 20 MB. */
const maxBodyBytes = 40_000_000

/**
 * Starts an emulated S3 on 127.0.0.1 with one private bucket, kept in a folder: PUT, GET, HEAD, DELETE and POST of an object, lists
 * (ListObjectsV2), and the settings of the bucket. It refuses what S3 refuses: requests that the one key has not signed (in
 * headers, in a presigned URL or in the policy of an upload form), that have expired, or that are not what was signed. It
 * differs from S3 in that it is in every region, knows no temporary credentials, takes up to 40 MB at once, and answers 501 to
 * everything else: copies, parts, batches, conditional writes, bodies in signed chunks; a range is answered with the whole.
 * Objects that a lifecycle rule is for are deleted at the start and every hour.
 *
 * @throws the error of `listen`, such as EADDRINUSE
 */
export async function startS3Emulator(options: S3EmulatorOptions): Promise<S3Emulator> {
  const { folder, bucket: name, accessKeyId, secretAccessKey, port = 0, now = () => new Date() } = options
  const objects = await openObjects(join(folder, name, 'objects'))
  const settings = await openBucketSettings(join(folder, name, 'settings.json'))
  await settings.expire(objects, now())
  const app = s3App({ name, objects, settings }, { accessKeyId, secretAccessKey }, now)
  const server = createAdaptorServer({ fetch: app.fetch }) as Server
  const listening = await listenOnLoopback(server, port)
  // A run that fails, as on a full disk, is made up for by the next.
  const expiry = setInterval(() => void settings.expire(objects, now()).catch(() => {}), expiryEveryMs)
  expiry.unref()
  return {
    endpoint: `http://127.0.0.1:${listening.port}`,
    stop: () => {
      clearInterval(expiry)
      return listening.stop()
    },
  }
}

interface Bucket {
  readonly name: string
  readonly objects: ObjectFiles
  readonly settings: BucketSettings
}

type S3Env = { Bindings: HttpBindings; Variables: SignedRequest & { objectKey: string } }
type S3Context = Context<S3Env>

/** The five verbs. Paths are read from the request's raw target: a normalised URL would differ from the signed one. */
function s3App({ name, objects, settings }: Bucket, key: AccessKey, now: () => Date): Hono<S3Env> {
  const app = new Hono<S3Env>()
  const limit = bodyLimit({
    maxSize: maxBodyBytes,
    onError: () => {
      throw tooLarge()
    },
  })
  const requireBucket = (wanted: string) => {
    if (wanted !== name) {
      throw new S3Error('NoSuchBucket', 'The specified bucket does not exist', { BucketName: wanted })
    }
  }

  app.onError((problem, context) => {
    const error =
      problem instanceof S3Error
        ? problem
        : new S3Error('InternalError', 'We encountered an internal error. Please try again.')
    return context.body(errorXml(error), error.status, { 'content-type': 'application/xml' })
  })
  // A browser's upload or download comes from another origin than the emulator's; the signature still decides.
  app.use(async (context, next) => {
    if (context.req.header('origin')) context.header('access-control-allow-origin', '*')
    await next()
  })
  // A preflight asks about a request to come, and carries no signature.
  app.options('*', (context) => {
    requireBucket(targetOf(context).split(/[/?]/)[1] ?? '')
    return context.body(null, 200, {
      'access-control-allow-methods': 'GET, HEAD, PUT, POST',
      'access-control-allow-headers': context.req.header('access-control-request-headers') ?? '',
    })
  })
  // An upload form is signed by its policy, not by its link.
  app.post('*', limit, async (context, next) => {
    const bucket = /^\/([^/?#%]+)\/?$/.exec(targetOf(context))?.[1]
    if (bucket === undefined) return next()
    requireBucket(bucket)
    const { req } = context
    const form = { type: req.header('content-type') ?? '', formData: () => req.raw.formData() }
    const { key: objectKey, md5 } = await storePostedObject(form, { bucket, key, now: now(), objects })
    const path = [bucket, ...objectKey.split('/')].map(encodeURIComponent).join('/')
    return context.body(null, 204, { etag: `"${md5}"`, location: `http://${req.header('host')}/${path}` })
  })

  app.use('*', async (context, next) => {
    const signed = verifySignature(context.env.incoming, key, now())
    const [, bucket = '', ...rest] = signed.path.split('/')
    if (bucket === '') throw notImplemented()
    requireBucket(bucket)
    context.set('query', signed.query)
    context.set('bodySha256', signed.bodySha256)
    context.set('objectKey', rest.join('/'))
    await next()
  })
  app.put('*', limit, async (context) => {
    const setting = settingOf(context)
    const body = await readBody(context)
    if (setting) {
      const { headers } = await settings.put(setting, body.toString(), context.req.header(minimumSizeHeader))
      return context.body(null, 200, headers)
    }
    const headers = objectRequest(context)
    if (headers['if-match'] || headers['if-none-match']) throw notImplemented()
    const { md5 } = await objects.put(context.var.objectKey, body, objectHeaders(headers))
    return context.body(null, 200, { etag: `"${md5}"` })
  })
  // Serves HEAD too: Hono leaves out the body.
  app.get('*', async (context) => {
    const setting = settingOf(context)
    if (setting && context.req.method === 'GET') {
      const { document, headers } = settings.get(setting)
      return context.body(document ?? '', 200, { ...headers, 'content-type': 'application/xml' })
    }
    const { query, objectKey } = context.var
    if (objectKey === '') {
      if (context.req.method === 'HEAD' && query.size === 0) return context.body(null)
      if (context.req.method !== 'GET' || query.get('list-type') !== '2') throw notImplemented()
      return context.body(await listObjects(name, objects, query), 200, { 'content-type': 'application/xml' })
    }
    objectRequest(context)
    const { object, content } = await objects.get(objectKey)
    return context.body(content, 200, {
      ...object.headers,
      'content-length': String(object.bytes),
      etag: `"${object.md5}"`,
      'last-modified': object.modifiedAt.toUTCString(),
      ...responseHeaders(query),
    })
  })
  app.delete('*', async (context) => {
    objectRequest(context)
    await objects.delete(context.var.objectKey)
    return context.body(null, 204)
  })
  app.post('*', (context) => {
    if (context.var.objectKey === '' && !context.var.query.has('delete')) {
      throw new S3Error('AccessDenied', 'Access Denied')
    }
    throw notImplemented()
  })
  app.all('*', () => {
    throw new S3Error('MethodNotAllowed', 'The specified method is not allowed against this resource.')
  })
  return app

  function settingOf({ var: { objectKey, query } }: S3Context) {
    return objectKey === '' ? settings.named(query) : undefined
  }
}

/** @returns the headers of a request for an object. @throws S3Error NotImplemented for an unsupported operation */
function objectRequest({ req, var: { objectKey, query } }: S3Context): Record<string, string | undefined> {
  // A presigned link may carry S3's headers as parameters.
  const moved = [...query].map(([name, value]) => [name.toLowerCase(), value] as const).filter(([name]) => isAmz(name))
  const headers = { ...req.header(), ...Object.fromEntries(moved) }
  const unknown = [...query.keys()].filter((name) => name !== 'x-id' && !isAmz(name) && !overridable.test(name))
  if (objectKey === '' || unknown.length > 0 || headers['x-amz-copy-source'] !== undefined) throw notImplemented()
  return headers
}

/** @throws S3Error XAmzContentSHA256Mismatch unless the body is the signed one */
async function readBody(context: S3Context): Promise<Buffer> {
  const body = Buffer.from(await context.req.arrayBuffer())
  const { bodySha256 } = context.var
  if (bodySha256 !== undefined && createHash('sha256').update(body).digest('hex') !== bodySha256) {
    const message = "The provided 'x-amz-content-sha256' header does not match what was computed."
    throw new S3Error('XAmzContentSHA256Mismatch', message)
  }
  return body
}

/** "GetObject": parameters of a signed link that set headers of the answer. */
const overridable =
  /^response-(cache-control|content-disposition|content-encoding|content-language|content-type|expires)$/

function responseHeaders(query: URLSearchParams): Record<string, string> {
  const given = [...query].filter(([parameter]) => overridable.test(parameter))
  return Object.fromEntries(given.map(([parameter, value]) => [parameter.replace('response-', ''), value]))
}

const isAmz = (name: string) => /^x-amz-/i.test(name)

/** The target as it was sent. */
const targetOf = (context: S3Context) => context.env.incoming.url ?? ''

function notImplemented(): S3Error {
  return new S3Error('NotImplemented', 'The emulated S3 does not do this.')
}
