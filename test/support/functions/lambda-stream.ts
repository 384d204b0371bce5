import { PassThrough } from 'node:stream'

/** The reply of a function that streams, as its runtime has it. */
export interface StreamedReply {
  /** What the handler is given. */
  readonly stream: awslambda.HttpResponseStream
  /** The status and headers; Lambda answers 200 where none were sent. */
  readonly prelude: Promise<{ readonly statusCode: number; readonly headers: Record<string, string> }>
  /** What came after them, as it arrives. */
  readonly body: ReadableStream<Uint8Array>
}

type Runtime = PassThrough & { beforeFirstWrite?: ((send: (text: string | Uint8Array) => void) => void) | undefined }

/** What the runtime of Lambda puts into the global scope, as far as functions use it. */
export const awslambdaStub = {
  streamifyResponse: <Handler>(handler: Handler) => handler,
  HttpResponseStream: {
    from(stream: Runtime, prelude: object) {
      stream.beforeFirstWrite = (send) => {
        send(JSON.stringify(prelude))
        send(new Uint8Array(8))
      }
      return stream
    },
  },
}

/** As the runtime does it: the prelude goes before the first write, and an end is no write. */
export function streamedReply(): StreamedReply {
  const stream: Runtime = new PassThrough()
  const write = stream.write.bind(stream)
  stream.write = ((chunk: Uint8Array, ...rest: []) => {
    const before = stream.beforeFirstWrite
    stream.beforeFirstWrite = undefined
    before?.((text) => void write(text))
    return write(chunk, ...rest)
  }) as typeof stream.write
  const prelude = Promise.withResolvers<{ statusCode: number; headers: Record<string, string> }>()
  const body = async function* () {
    let head: Buffer | undefined = Buffer.alloc(0)
    for await (const chunk of stream) {
      if (head === undefined) {
        yield chunk
        continue
      }
      head = Buffer.concat([head, chunk])
      const end = head.indexOf(Buffer.alloc(8))
      if (end < 0) continue
      prelude.resolve(JSON.parse(head.subarray(0, end).toString()))
      const rest = head.subarray(end + 8)
      head = undefined
      if (rest.length > 0) yield rest
    }
    prelude.resolve({ statusCode: 200, headers: {} })
  }
  return {
    stream: stream as unknown as awslambda.HttpResponseStream,
    prelude: prelude.promise,
    body: ReadableStream.from(body()),
  }
}
