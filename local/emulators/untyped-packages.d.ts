/** What is used here of packages that carry no types of their own. */

declare module 'heic-decode' {
  /** @returns the first image of the file, turned as the file says, as RGBA; rejects what is not HEIC or HEIF. */
  export default function decode(input: {
    buffer: Uint8Array
  }): Promise<{ width: number; height: number; data: Uint8ClampedArray }>
}

declare module '@20minutes/s3rver' {
  import type { RequestListener } from 'node:http'
  import type { Readable } from 'node:stream'

  /** Koa's. */
  export interface Context {
    readonly method: string
    readonly path: string
    query: Readonly<Record<string, string | undefined>>
    readonly state: { account?: unknown }
    status: number
    type: string
    body: unknown
  }

  /** The store in a folder; what it is made of may be replaced. Failures of the file system pass through. */
  export interface ObjectStore {
    getBucket(bucket: string): Promise<object | null>
    getBucketPath(bucket: string): string
    getResourcePath(bucket: string, key: string | undefined, resource: string): string
    listObjects(
      bucket: string,
      options: { maxKeys?: number; startAfter?: string; prefix?: string; delimiter?: string },
    ): Promise<{
      objects: readonly { key: string; lastModifiedDate: Date }[]
      commonPrefixes: readonly string[]
      isTruncated: boolean
    }>
    /** Nothing being there is no error. */
    deleteObject(bucket: string, key: string): Promise<void>
    putContent(path: string, content: Readable): Promise<[bytes: number, md5: string]>
    /** @param object.metadata by lower-case name; what is no header of an object is left out */
    putObject(object: {
      bucket: string
      key: string
      content: Readable
      metadata: Readonly<Record<string, string>>
    }): Promise<{ size: number; md5: string }>
    putPart(bucket: string, uploadId: string, partNumber: string, content: Readable): Promise<unknown>
    putObjectMultipart(bucket: string, uploadId: string, parts: unknown): Promise<unknown>
  }

  export default class S3rver {
    constructor(options: {
      directory: string
      silent: boolean
      vhostBuckets: boolean
      configureBuckets: readonly { name: string; configs?: readonly string[] }[]
    })
    /** Koa's own switch: whether an error that ends a request is printed. */
    silent: boolean
    readonly store: ObjectStore
    readonly logger: { silent: boolean; close(): void; exceptions: { unhandle(): void } }
    /** Koa's list, the router last. */
    readonly middleware: ((context: Context, next: () => Promise<void>) => Promise<void>)[]
    configureBuckets(): Promise<unknown>
    callback(): RequestListener
  }
}

declare module '@20minutes/s3rver/lib/models/error.js' {
  /** What S3 answers to what it refuses. */
  export default class S3Error extends Error {
    constructor(code: string, message: string, detail?: Readonly<Record<string, string | number>>)
    readonly code: string
    readonly detail: Readonly<Record<string, string | number>>
    /** 500 for a code that the package does not know. */
    status: number
  }
}

declare module 'busboy' {
  import type { IncomingHttpHeaders } from 'node:http'
  import type { Readable, Writable } from 'node:stream'

  namespace busboy {
    interface Parser extends Writable {
      on(event: 'field', listener: (name: string | undefined, value: string, info: FieldInfo) => void): this
      on(event: 'file', listener: (name: string | undefined, file: Readable, info: FileInfo) => void): this
      on(event: 'error' | 'finish', listener: (problem?: unknown) => void): this
    }
    interface FieldInfo {
      readonly nameTruncated: boolean
      readonly valueTruncated: boolean
    }
    interface FileInfo {
      readonly filename?: string
    }
  }

  /** @throws where the headers are not those of a form */
  function busboy(options: {
    headers: IncomingHttpHeaders
    defParamCharset: string
    limits: { fieldSize: number }
  }): busboy.Parser
  export = busboy
}
