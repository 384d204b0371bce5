import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream, renameSync } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { S3Error } from './error.ts'

/** What is known of an object beside its bytes. */
export interface StoredObject {
  readonly key: string
  readonly bytes: number
  /** MD5 in hex. */
  readonly md5: string
  /** Headers to be answered with the object, by lower-case name: `content-type` and so on. */
  readonly headers: Readonly<Record<string, string>>
  readonly modifiedAt: Date
}

/** The objects of a bucket, each a file in a folder. */
export interface ObjectFiles {
  /** Stores an object, in full or not at all. @throws S3Error KeyTooLongError, or what the content throws */
  put(key: string, content: Readable, headers: Readonly<Record<string, string>>): Promise<StoredObject>
  get(key: string): StoredObject | undefined
  read(object: StoredObject): Readable
  /** Nothing being there is no error. */
  delete(key: string): Promise<void>
  /** In the order of the keys' UTF-8 bytes, as S3 lists them. */
  list(prefix: string): readonly StoredObject[]
}

/** "Naming Amazon S3 objects". */
const maxKeyBytes = 1024
const partial = '.partial'

/**
 * Opens the folder, made if missing. A file's name is the hash of its key, so that no key leads out of the folder and every key
 * has a file of its own; what is known of the object stands behind its bytes, so that one rename makes both.
 */
export async function openObjects(folder: string): Promise<ObjectFiles> {
  await mkdir(folder, { recursive: true })
  const objects = new Map<string, StoredObject>()
  for (const name of await readdir(folder)) {
    // An upload that a stop cut off.
    if (name.endsWith(partial)) await rm(join(folder, name), { force: true })
    else {
      const object = await readTrailer(join(folder, name))
      objects.set(object.key, object)
    }
  }
  const pathOf = (key: string) => join(folder, createHash('sha256').update(key).digest('hex'))

  return {
    put: async (key, content, headers) => {
      if (Buffer.byteLength(key) > maxKeyBytes) throw new S3Error('KeyTooLongError', 'Your key is too long')
      const path = pathOf(key)
      const unfinished = `${path}.${randomUUID()}${partial}`
      const hash = createHash('md5')
      let bytes = 0
      try {
        const counted = new Transform({
          transform(piece: Buffer, _encoding, done) {
            hash.update(piece)
            bytes += piece.length
            done(null, piece)
          },
          flush(done) {
            done(null, trailer({ key, bytes, md5: hash.copy().digest('hex'), headers }))
          },
        })
        await pipeline(content, counted, createWriteStream(unfinished))
        // Both at once, or two uploads of a key could leave the one's bytes and the other's headers.
        renameSync(unfinished, path)
        const object = { key, bytes, md5: hash.digest('hex'), headers, modifiedAt: new Date() }
        objects.set(key, object)
        return object
      } catch (error) {
        await rm(unfinished, { force: true })
        throw error
      }
    },
    get: (key) => objects.get(key),
    // `end` is the position of the last byte, which an empty object does not have.
    read: ({ key, bytes }) => (bytes === 0 ? Readable.from([]) : createReadStream(pathOf(key), { end: bytes - 1 })),
    delete: async (key) => {
      if (objects.delete(key)) await rm(pathOf(key), { force: true })
    },
    list: (prefix) =>
      [...objects.values()].filter(({ key }) => key.startsWith(prefix)).toSorted((a, b) => compareKeys(a.key, b.key)),
  }
}

/** What S3 keeps of the headers, or form fields, that an object comes with. */
export function objectHeaders(given: Readonly<Record<string, unknown>>): Record<string, string> {
  const kept = Object.entries(given).filter(
    ([name, value]) =>
      typeof value === 'string' &&
      (/^(content-(type|disposition|encoding|language)|cache-control|expires)$/.test(name) ||
        name.startsWith('x-amz-meta-')),
  )
  return { 'content-type': 'binary/octet-stream', ...(Object.fromEntries(kept) as Record<string, string>) }
}

/** By their UTF-8 bytes. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** What is known of the object as JSON, then the length of that in four bytes. */
function trailer(object: Omit<StoredObject, 'modifiedAt'>): Buffer {
  const json = Buffer.from(JSON.stringify(object))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(json.length)
  return Buffer.concat([json, length])
}

async function readTrailer(path: string): Promise<StoredObject> {
  const file = await open(path)
  try {
    const { size, mtime } = await file.stat()
    const length = (await readAt(file, size - 4, 4)).readUInt32BE()
    return { ...JSON.parse((await readAt(file, size - 4 - length, length)).toString()), modifiedAt: mtime }
  } finally {
    await file.close()
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  return (await file.read(Buffer.alloc(length), 0, length, position)).buffer
}
