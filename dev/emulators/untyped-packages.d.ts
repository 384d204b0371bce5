/** What is used here of packages that carry no types of their own. */

declare module 'heic-decode' {
  /** @returns the first image of the file, turned as the file says, as RGBA; rejects what is not HEIC or HEIF. */
  export default function decode(input: {
    buffer: Uint8Array
  }): Promise<{ width: number; height: number; data: Uint8ClampedArray }>
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
