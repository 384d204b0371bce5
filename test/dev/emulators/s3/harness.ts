import { createHash, createHmac } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { afterEach, beforeEach, expect } from 'vitest'
import { type S3Emulator, startS3Emulator } from '../../../../dev/emulators/s3/server.ts'

export const Bucket = 'vision-images'
export const key = { accessKeyId: 'local-key', secretAccessKey: 'local-secret' }
/** What a page on another origin sends. */
export const origin = 'http://localhost:3000'

/** Starts an emulated S3 for every test of a file, with a clock of its own, and stops what the test leaves open. */
export function useS3Emulator() {
  const clients: S3Client[] = []
  const used = {
    folder: '',
    emulator: undefined as unknown as S3Emulator,
    /** How far the emulator's clock is ahead, in milliseconds. */
    aheadMs: 0,
    start: () =>
      startS3Emulator({ folder: used.folder, bucket: Bucket, ...key, now: () => new Date(Date.now() + used.aheadMs) }),
    client: (options: ConstructorParameters<typeof S3Client>[0] = {}) => {
      const made = new S3Client({
        endpoint: used.emulator.endpoint,
        region: 'us-east-1',
        credentials: key,
        forcePathStyle: true,
        requestChecksumCalculation: 'WHEN_REQUIRED',
        maxAttempts: 1,
        ...options,
      })
      clients.push(made)
      return made
    },
    put: (Key: string, text: string) =>
      used.client().send(new PutObjectCommand({ Bucket, Key, Body: Buffer.from(text), ContentType: 'text/plain' })),
    read: async (Key: string) => {
      const { Body } = await used.client().send(new GetObjectCommand({ Bucket, Key }))
      return Body?.transformToString()
    },
    keys: async () => {
      const list = await used.client().send(new ListObjectsV2Command({ Bucket }))
      return list.Contents?.map((object) => object.Key) ?? []
    },
    /** Every file in the folder. */
    files: async () => {
      const entries = await readdir(used.folder, { recursive: true, withFileTypes: true })
      return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
    },
  }
  beforeEach(async () => {
    used.aheadMs = 0
    used.folder = await mkdtemp(join(tmpdir(), 's3-emulator-'))
    used.emulator = await used.start()
  })
  afterEach(async () => {
    for (const made of clients.splice(0)) made.destroy()
    await used.emulator.stop()
    await rm(used.folder, { recursive: true })
  })
  return used
}

/** Expects a refusal in S3's words: the status, the code, and the message or another part of the answer. */
export async function expectRefusal(answer: Response, status: number, code: string, part = ''): Promise<void> {
  const text = await answer.text()
  expect(text).toContain(`<Code>${code}</Code>`)
  expect(text.replaceAll('&#34;', '"')).toContain(part)
  expect(answer.status).toBe(status)
  expect(answer.headers.get('content-type')).toContain('application/xml')
}

/**
 * A presigned URL that holds for a minute, by Signature Version 4 as AWS documents it for query parameters.
 *
 * @param url without characters that need encoding
 */
export function presign(method: string, url: string, at: Date): string {
  const time = at.toISOString().replaceAll(/[-:]|\.\d+/g, '')
  const scope = `${time.slice(0, 8)}/us-east-1/s3/aws4_request`
  const { host, pathname } = new URL(url)
  const query = new URLSearchParams({
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${key.accessKeyId}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': '60',
    'X-Amz-SignedHeaders': 'host',
  })
  const request = [method, pathname, query.toString(), `host:${host}`, '', 'host', 'UNSIGNED-PAYLOAD'].join('\n')
  const digest = createHash('sha256').update(request).digest('hex')
  const signature = hmac(signingKey(scope), ['AWS4-HMAC-SHA256', time, scope, digest].join('\n')).toString('hex')
  return `${url}?${query}&X-Amz-Signature=${signature}`
}

/** The key that Signature Version 4 derives from a secret for a credential's scope. */
export function signingKey(scope: string, secret = key.secretAccessKey): string | Buffer {
  return scope.split('/').reduce<string | Buffer>(hmac, `AWS4${secret}`)
}

export function hmac(secret: string | Buffer, text: string): Buffer {
  return createHmac('sha256', secret).update(text).digest()
}

/** Sends bytes that no well-behaved client would, and reads all that comes back until the connection ends. */
export async function sendRaw(endpoint: string, head: string): Promise<string> {
  const socket = connect(Number(new URL(endpoint).port), '127.0.0.1')
  socket.write(`${head}\r\nHost: ${new URL(endpoint).host}\r\nConnection: close\r\n\r\n`)
  let answer = ''
  for await (const piece of socket) answer += piece
  return answer
}
