/** What is used here of packages that carry no types of their own. */

declare module 'heic-decode' {
  /** @returns the first image of the file, turned as the file says, as RGBA; rejects what is not HEIC or HEIF. */
  export default function decode(input: {
    buffer: Uint8Array
  }): Promise<{ width: number; height: number; data: Uint8ClampedArray }>
}

declare module '@20minutes/s3rver' {
  import type { RequestListener } from 'node:http'

  interface Context {
    readonly path: string
    readonly state: { vhost?: boolean }
    mountPath?: string
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
    readonly store: { putContent(path: string, content: unknown): Promise<[bytes: number, md5: string]> }
    readonly logger: { silent: boolean; close(): void; exceptions: { unhandle(): void } }
    /** Koa's list, the router last. */
    readonly middleware: ((context: Context, next: () => Promise<void>) => Promise<void>)[]
    configureBuckets(): Promise<unknown>
    callback(): RequestListener
  }
}

declare module '@20minutes/s3rver/lib/models/account.js' {
  interface Account {
    readonly accessKeys: ReadonlyMap<string, string>
    createKeyPair(accessKeyId: string, secretAccessKey: string): void
    revokeAccessKey(accessKeyId: string): void
  }
  const accounts: {
    /** Every access key that any server of this process knows. */
    readonly registry: ReadonlyMap<string, Account>
    readonly DUMMY_ACCOUNT: Account
  }
  export default accounts
}
