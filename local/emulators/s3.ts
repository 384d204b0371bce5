import { mkdir } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import S3rver, { type Context } from '@20minutes/s3rver'
import S3Error from '@20minutes/s3rver/lib/models/error.js'
import { expireObjects, serveBucketSetting } from './s3-bucket-settings.ts'
import { listVersion2, sortLists } from './s3-list.ts'
import { storePostedObject } from './s3-post-object.ts'
import { verifiedTarget } from './s3-request-signature.ts'
import { guardStore } from './s3-store.ts'
import { errorXml, toXml, type XmlElements } from './s3-xml.ts'

/** An emulated S3, running. */
export interface S3Emulator {
  /** For `endpoint` of an S3 client, with `forcePathStyle`. */
  readonly endpoint: string
  /** Ends every open connection and frees the port; the objects stay in the folder. */
  stop(): Promise<void>
}

/** A browser's upload or download comes from another origin than the emulator's; the signature still decides. */
const anyOrigin = `<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin>${['GET', 'HEAD', 'PUT', 'POST']
  .map((method) => `<AllowedMethod>${method}</AllowedMethod>`)
  .join('')}<AllowedHeader>*</AllowedHeader></CORSRule></CORSConfiguration>`

/** How often objects whose time is over are deleted: S3 itself takes up to days. */
const expiryEveryMs = 3_600_000

/** How long a client that was refused may go on sending, so that it comes to read why, before it is cut off. */
const lingerMs = 1000

/**
 * Starts an emulated S3 on 127.0.0.1 with one private bucket, kept in a folder. It refuses what S3 refuses: requests
 * that the one key has not signed (in headers, in a presigned URL or in the policy of an upload form), that have
 * expired, or that are not what was signed. It differs from S3 in that it is in every region, knows no temporary
 * credentials, and takes neither bodies in signed chunks nor keys with empty, `.` or `..` parts. Objects that a lifecycle
 * rule is for are deleted at the start and every hour.
 *
 * @param options.folder where the objects are kept, made if missing; what is in it from before is served again
 * @param options.port a free one if not given
 * @param options.now the time that signatures, policies and the age of objects are checked against
 * @throws the error of `listen`, such as EADDRINUSE
 */
export async function startS3Emulator({
  folder,
  bucket,
  accessKeyId,
  secretAccessKey,
  port = 0,
  now = () => new Date(),
}: {
  folder: string
  bucket: string
  accessKeyId: string
  secretAccessKey: string
  port?: number
  now?: () => Date
}): Promise<S3Emulator> {
  await mkdir(folder, { recursive: true })
  const key = { accessKeyId, secretAccessKey }
  const { serve, store, configureBuckets, close } = openPackage(folder, bucket)
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    try {
      const postedTo = request.method === 'POST' && /^\/([^/?#%]+)\/?$/.exec(request.url ?? '')?.[1]
      if (postedTo) {
        const { status, headers, body } = await storePostedObject(request, { bucket: postedTo, key, now: now(), store })
        response.writeHead(status, { ...headers, ...corsHeaders(request) }).end(body)
      } else {
        // A preflight asks about a request to come, and carries no signature.
        if (request.method !== 'OPTIONS') request.url = verifiedTarget(request, key, now())
        delete request.headers.authorization
        const answer = await serveBucketSetting(request, store)
        if (answer) response.writeHead(answer.status, answer.headers).end(answer.body)
        else await serve(request, response)
      }
    } catch (problem) {
      refuse(request, response, problem)
    }
  }
  // A server of our own: the package's own run() never learns that its port is taken.
  const server = createServer(handle)
  try {
    await configureBuckets()
    await expireObjects(store, bucket, now().getTime())
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', resolve)
    })
  } catch (problem) {
    close()
    throw problem
  }
  // A run that fails, as on a full disk, is made up for by the next.
  const expiry = setInterval(() => void expireObjects(store, bucket, now().getTime()).catch(() => {}), expiryEveryMs)
  expiry.unref()
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        clearInterval(expiry)
        server.close(() => {
          close()
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}

/** The package serves whoever comes without a signature, which is everybody here: signatures are checked before. */
function openPackage(folder: string, bucket: string) {
  const app = new S3rver({
    directory: folder,
    silent: true,
    vhostBuckets: false,
    configureBuckets: [{ name: bucket, configs: [anyOrigin] }],
  })
  app.silent = true
  // Else a request that ends after the logger has closed is printed.
  app.logger.silent = true
  guardStore(app.store)
  sortLists(app.store)
  // Before its router, which is the last.
  app.middleware.splice(-1, 0, writeAnswers, refuseForms, listVersion2)
  return {
    serve: app.callback(),
    store: app.store,
    configureBuckets: () => app.configureBuckets(),
    close: () => {
      app.logger.exceptions.unhandle()
      app.logger.close()
    },
  }
}

/** Writes what the package answers, and what it refuses, in its place: see {@link toXml}. */
async function writeAnswers(context: Context, next: () => Promise<unknown>): Promise<void> {
  // Else the package refuses to override headers of an answer, as to somebody it does not know.
  context.state.account = 'signed'
  try {
    await next()
    if (!isElements(context.body)) return
    context.body = toXml(context.body)
  } catch (problem) {
    if (!(problem instanceof S3Error)) throw problem
    context.status = problem.status
    context.body = errorXml(problem)
  }
  context.type = 'application/xml'
}

function isElements(body: unknown): body is XmlElements {
  return typeof body === 'object' && body !== null && Object.getPrototypeOf(body) === Object.prototype
}

/** The package stores a form without looking at the policy in it. */
async function refuseForms({ method, path, query }: Context, next: () => Promise<unknown>): Promise<void> {
  if (method === 'POST' && /^\/[^/]*\/?$/.test(path) && !('delete' in query)) {
    throw new S3Error('AccessDenied', 'Access Denied')
  }
  await next()
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

function corsHeaders(request: IncomingMessage): Record<string, string> {
  return request.headers.origin === undefined ? {} : { 'access-control-allow-origin': '*', vary: 'Origin' }
}
