import { randomUUID } from 'node:crypto'
import { mkdir, rename, rm } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import S3rver from '@20minutes/s3rver'
import accounts from '@20minutes/s3rver/lib/models/account.js'

/** An emulated S3, running. */
export interface S3Emulator {
  /** For `endpoint` of an S3 client, with `forcePathStyle`. */
  readonly endpoint: string
  /** Ends every open connection and frees the port; the objects stay in the folder. */
  stop(): Promise<void>
}

/** A browser's upload or download comes from another origin than the emulator's; the signature still decides. */
const anyOrigin = `<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod><AllowedMethod>HEAD</AllowedMethod><AllowedMethod>PUT</AllowedMethod><AllowedHeader>*</AllowedHeader></CORSRule></CORSConfiguration>`

/**
 * Starts an emulated S3 on 127.0.0.1 with one private bucket, kept in a folder. It checks signatures (of headers and
 * of presigned URLs, with their expiry) against the one key it is given, and refuses requests that carry none. Only one
 * secret for an access key id can be in use in a process.
 *
 * @param options.folder where the objects are kept, made if missing; what is in it from before is served again
 * @param options.port a free one if not given
 * @throws the error of `listen`, such as EADDRINUSE; an Error where the access key id is in use with another secret
 */
export async function startS3Emulator({
  folder,
  bucket,
  accessKeyId,
  secretAccessKey,
  port = 0,
}: {
  folder: string
  bucket: string
  accessKeyId: string
  secretAccessKey: string
  port?: number
}): Promise<S3Emulator> {
  await mkdir(folder, { recursive: true })
  const forget = registerKey(accessKeyId, secretAccessKey)
  const store = new S3rver({
    directory: folder,
    silent: true,
    vhostBuckets: false,
    configureBuckets: [{ name: bucket, configs: [anyOrigin] }],
  })
  store.silent = true
  // Else a request that ends after the logger has closed is printed, with the signature in its URL.
  store.logger.silent = true
  storeWhole(store)
  store.middleware.splice(-1, 0, (context, next) => {
    // Clients sign a bucket's own path as `/bucket/`, the package checks `/bucket`, but for hosts named after a bucket,
    // where it appends what that host was mounted at: so it is told to append the slash.
    if (/^\/[^/]+\/$/.test(context.path)) {
      context.state.vhost = true
      context.mountPath = '/'
    }
    return next()
  })
  const release = () => {
    store.logger.exceptions.unhandle()
    store.logger.close()
    forget()
  }
  // A server of our own: the package's own run() never learns that its port is taken.
  const server = createServer(signedOnly(store.callback()))
  try {
    await store.configureBuckets()
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', resolve)
    })
  } catch (problem) {
    release()
    throw problem
  }
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          release()
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}

/** The package checks a signature where there is one and lets everybody else in; a private bucket does not. */
function signedOnly(serve: RequestListener): RequestListener {
  return (request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://localhost')
    const signed =
      request.headers.authorization !== undefined ||
      searchParams.has('X-Amz-Algorithm') ||
      searchParams.has('Signature')
    if (signed || request.method === 'OPTIONS') return serve(request, response)
    request.resume()
    response
      .writeHead(403, { 'content-type': 'application/xml' })
      .end(
        '<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>',
      )
  }
}

/** An object is there in full or not at all, as in S3: the package would leave what came of an upload that broke off. */
function storeWhole({ store }: S3rver): void {
  const putContent = store.putContent.bind(store)
  store.putContent = async (path, content) => {
    const partial = `${path}.${randomUUID()}.partial`
    try {
      const stored = await putContent(partial, content)
      await rename(partial, path)
      return stored
    } catch (problem) {
      await rm(partial, { force: true })
      throw problem
    }
  }
}

const uses = new Map<string, number>()

/** The package keeps its keys per process; its built-in one, which everybody knows, is taken out. */
function registerKey(accessKeyId: string, secretAccessKey: string): () => void {
  const account = accounts.DUMMY_ACCOUNT
  if (!uses.get('S3RVER')) account.revokeAccessKey('S3RVER')
  const inUse = uses.get(accessKeyId) ?? 0
  if (inUse > 0 && account.accessKeys.get(accessKeyId) !== secretAccessKey) {
    throw new Error(`The access key id ${accessKeyId} is in use with another secret.`)
  }
  account.createKeyPair(accessKeyId, secretAccessKey)
  uses.set(accessKeyId, inUse + 1)
  return () => {
    const left = (uses.get(accessKeyId) ?? 1) - 1
    uses.set(accessKeyId, left)
    if (left === 0) account.revokeAccessKey(accessKeyId)
  }
}
