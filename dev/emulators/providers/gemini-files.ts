import type { HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'

/** A file as it was uploaded. */
export interface StoredFile {
  readonly name: string
  readonly mimeType: string
  readonly bytes: Buffer
}

/** The files of one emulated Gemini. */
export interface FileStore {
  /** By the URI that it was uploaded to. */
  find(uri: string): StoredFile | undefined
  /** How many there are, and how many there have been. */
  counts(): { readonly kept: number; readonly uploaded: number }
  readonly routes: Hono<{ Bindings: HttpBindings }>
}

/**
 * An emulated Files API: upload as `multipart/related`, as `@google/generative-ai/server` does it, look and delete. A file is
 * ready at once, and gone when it is deleted: https://ai.google.dev/api/files
 */
export function createFileStore(): FileStore {
  const files = new Map<string, StoredFile>()
  let uploaded = 0
  const notFound = (name: string) => ({
    error: {
      code: 403,
      message: `You do not have permission to access the File ${name} or it may not exist.`,
      status: 'PERMISSION_DENIED',
    },
  })
  const shown = ({ name, mimeType, bytes }: StoredFile, origin: string) => ({
    name,
    mimeType,
    sizeBytes: String(bytes.length),
    uri: `${origin}/v1beta/${name}`,
    state: 'ACTIVE',
  })

  const routes = new Hono<{ Bindings: HttpBindings }>()
    .post('/upload/v1beta/files', async (context) => {
      const boundary = /boundary=([^;]+)/.exec(context.req.header('content-type') ?? '')?.[1]
      const parts = boundary ? partsOf(Buffer.from(await context.req.arrayBuffer()), boundary) : []
      const [, media] = parts
      if (context.req.header('x-goog-upload-protocol') !== 'multipart' || !media) {
        const message = 'The emulator takes uploads of two parts, the description and the file.'
        return context.json({ error: { code: 400, message, status: 'INVALID_ARGUMENT' } }, 400)
      }
      const name = `files/emulated-${++uploaded}`
      const file = { name, mimeType: media.type, bytes: media.body }
      files.set(name, file)
      return context.json({ file: shown(file, new URL(context.req.url).origin) })
    })
    .get('/v1beta/files/:id', (context) => {
      const name = `files/${context.req.param('id')}`
      const file = files.get(name)
      return file ? context.json(shown(file, new URL(context.req.url).origin)) : context.json(notFound(name), 403)
    })
    .delete('/v1beta/files/:id', (context) => {
      const name = `files/${context.req.param('id')}`
      return files.delete(name) ? context.json({}) : context.json(notFound(name), 403)
    })
  return {
    find: (uri) => files.get(/\/(files\/[^/]+)$/.exec(uri)?.[1] ?? ''),
    counts: () => ({ kept: files.size, uploaded }),
    routes,
  }
}

/** The parts of a multipart body (RFC 2046, section 5.1): their types and contents. */
function partsOf(body: Buffer, boundary: string): { readonly type: string; readonly body: Buffer }[] {
  const parts = []
  const mark = `--${boundary}`
  let start = body.indexOf(mark)
  while (start !== -1) {
    const end = body.indexOf(`\r\n${mark}`, start + mark.length)
    if (end === -1) break
    const part = body.subarray(start + mark.length + 2, end)
    const headEnd = part.indexOf('\r\n\r\n')
    const type = /content-type:\s*([^\r\n;]+)/i.exec(part.subarray(0, headEnd).toString())?.[1] ?? ''
    parts.push({ type, body: part.subarray(headEnd + 4) })
    start = end + 2
  }
  return parts
}
