import { createHash, randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { S3Error } from './error.ts'

/** An object without its bytes. */
export interface StoredObject {
  readonly key: string
  readonly bytes: number
  /** MD5 in hex. */
  readonly md5: string
  /** Headers that are answered with the object, by lower-case name: `content-type` and so on. */
  readonly headers: Readonly<Record<string, string>>
  readonly modifiedAt: Date
}

/** The objects of a bucket, each a file in a folder. */
export interface ObjectFiles {
  /** Stores an object, in full or not at all. @throws S3Error KeyTooLongError */
  put(key: string, content: Uint8Array, headers: Readonly<Record<string, string>>): Promise<StoredObject>
  /** @throws S3Error NoSuchKey */
  get(key: string): Promise<{ readonly object: StoredObject; readonly content: Buffer<ArrayBuffer> }>
  /** A missing object is no error. */
  delete(key: string): Promise<void>
  /** In the order of the keys' UTF-8 bytes, as S3 lists them. */
  list(prefix: string): Promise<readonly StoredObject[]>
}

/** "Naming Amazon S3 objects". */
const maxKeyBytes = 1024
const partial = '.partial'

/**
 * Opens the folder, made if missing. A file is named by the hash of its key, so that no key leads out of the folder and each
 * has a file of its own. The metadata stands behind the bytes, so that one rename makes both visible.
 */
export async function openObjects(folder: string): Promise<ObjectFiles> {
  await mkdir(folder, { recursive: true })
  // An upload that a stop cut off.
  for (const name of await readdir(folder)) if (name.endsWith(partial)) await rm(join(folder, name))
  const pathOf = (key: string) => join(folder, createHash('sha256').update(key).digest('hex'))

  return {
    put: async (key, content, headers) => {
      if (Buffer.byteLength(key) > maxKeyBytes) throw new S3Error('KeyTooLongError', 'Your key is too long')
      const md5 = createHash('md5').update(content).digest('hex')
      const object = { key, bytes: content.length, md5, headers }
      const unfinished = `${pathOf(key)}.${randomUUID()}${partial}`
      await writeFile(unfinished, Buffer.concat([content, trailer(object)]))
      await rename(unfinished, pathOf(key))
      return { ...object, modifiedAt: new Date() }
    },
    get: async (key) => {
      try {
        const object = await readTrailer(pathOf(key))
        const content = await readFile(pathOf(key))
        return { object, content: content.subarray(0, object.bytes) }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
        throw new S3Error('NoSuchKey', 'The specified key does not exist.', { Key: key })
      }
    },
    delete: (key) => rm(pathOf(key), { force: true }),
    list: async (prefix) => {
      const names = (await readdir(folder)).filter((name) => !name.endsWith(partial))
      const objects = await Promise.all(names.map((name) => readTrailer(join(folder, name))))
      return objects.filter(({ key }) => key.startsWith(prefix)).toSorted((a, b) => compareKeys(a.key, b.key))
    },
  }
}

/** The headers, or form fields, that S3 keeps with an object. */
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

/** The metadata as JSON, then its length in four bytes. */
function trailer(object: Omit<StoredObject, 'modifiedAt'>): Buffer {
  const json = Buffer.from(JSON.stringify(object))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(json.length)
  return Buffer.concat([json, length])
}

async function readTrailer(path: string): Promise<StoredObject> {
  await using file = await open(path)
  const { size, mtime } = await file.stat()
  const read = async (position: number, length: number) =>
    (await file.read(Buffer.alloc(length), 0, length, position)).buffer
  const length = (await read(size - 4, 4)).readUInt32BE()
  return { ...JSON.parse((await read(size - 4 - length, length)).toString()), modifiedAt: mtime }
}
