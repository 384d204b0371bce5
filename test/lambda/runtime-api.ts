import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json, text } from 'node:stream/consumers'

/** One call of a function, as the Runtime API sees it. */
export interface Invocation {
  /** What the function returned. @throws InvocationError */
  readonly result: Promise<unknown>
  /** What a function that streams has sent so far; resolves with the first chunk. @throws InvocationError */
  readonly stream: Promise<Streamed>
}

/** A reply that is streamed. */
export interface Streamed {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  /** The text after the prelude, as it arrives. */
  readonly chunks: AsyncIterable<string>
}

/** What a function reported in place of an answer. */
export class InvocationError extends Error {
  override readonly name = 'InvocationError'
}

/** The side of Lambda that a function's runtime client talks to. */
export interface RuntimeApi {
  /** `127.0.0.1:<port>`, for AWS_LAMBDA_RUNTIME_API. */
  readonly address: string
  /**
   * Hands an event to the function.
   *
   * @param timeLimitMs what is left until the function would be killed, in milliseconds
   */
  invoke(event: unknown, timeLimitMs: number): Invocation
  /** Tells everybody who waits for an answer that none will come. */
  died(why: string): void
  stop(): Promise<void>
}

interface Waiting {
  readonly event: unknown
  readonly deadline: number
  readonly result: PromiseWithResolvers<unknown>
  readonly stream: PromiseWithResolvers<Streamed>
}

const path = '/2018-06-01/runtime'

/**
 * A small Runtime API on this machine
 * (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html, and …/runtimes-custom.html for streamed replies).
 */
export async function startRuntimeApi(): Promise<RuntimeApi> {
  const queue: Waiting[] = []
  const running = new Map<string, Waiting>()
  let wake: (() => void) | undefined
  let invocations = 0

  const next = async (response: ServerResponse) => {
    while (queue.length === 0) await new Promise<void>((resolve) => (wake = resolve))
    const waiting = queue.shift() as Waiting
    const id = `00000000-0000-4000-8000-${String(++invocations).padStart(12, '0')}`
    running.set(id, waiting)
    response.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': id,
      'lambda-runtime-deadline-ms': String(waiting.deadline),
      'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:us-east-1:123456789012:function:vision-pipeline',
      'lambda-runtime-trace-id': 'Root=1-5f84c7a1-0123456789abcdef01234567;Sampled=0',
    })
    response.end(JSON.stringify(waiting.event))
  }

  const finish = async (request: IncomingMessage, id: string, outcome: string) => {
    const waiting = running.get(id)
    running.delete(id)
    if (waiting === undefined) throw new Error(`there is no invocation ${id}`)
    if (outcome === 'error') {
      const { errorType, errorMessage } = (await json(request)) as { errorType: string; errorMessage: string }
      const error = new InvocationError(`${errorType}: ${errorMessage}`)
      waiting.result.reject(error)
      waiting.stream.reject(error)
    } else if (request.headers['lambda-runtime-function-response-mode'] === 'streaming') {
      await receive(request, waiting.stream)
    } else {
      const body = await text(request)
      waiting.result.resolve(body === '' ? undefined : JSON.parse(body))
    }
  }

  const died = (why: string) => {
    for (const waiting of [...queue.splice(0), ...running.values()]) {
      for (const { reject } of [waiting.result, waiting.stream]) reject(new InvocationError(why))
    }
  }

  const server = createServer(async (request, response) => {
    const [, rest = ''] = request.url?.split(path) ?? []
    if (rest === '/invocation/next') return next(response)
    if (rest === '/init/error') died(await text(request))
    const [, id, outcome] = /^\/invocation\/([^/]+)\/(response|error)$/.exec(rest) ?? []
    if (id && outcome) await finish(request, id, outcome)
    response.writeHead(202).end('{"status":"OK"}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    invoke: (event, timeLimitMs) => {
      const waiting: Waiting = {
        event,
        deadline: Date.now() + timeLimitMs,
        result: Promise.withResolvers(),
        stream: Promise.withResolvers(),
      }
      // A call is read one way or the other.
      for (const { promise } of [waiting.result, waiting.stream]) promise.catch(() => undefined)
      queue.push(waiting)
      wake?.()
      return { result: waiting.result.promise, stream: waiting.stream.promise }
    },
    died,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/**
 * Takes the prelude off a streamed reply: JSON, then eight zero bytes; what follows is the body. A function that failed says so
 * in the trailers.
 */
async function receive(request: IncomingMessage, { resolve, reject }: Waiting['stream']): Promise<void> {
  const iterator = request[Symbol.asyncIterator]()
  let head = Buffer.alloc(0)
  for (;;) {
    const { done, value } = await iterator.next()
    if (done) return reject(new InvocationError(failureIn(request) ?? 'the reply ended before its prelude did'))
    head = Buffer.concat([head, value])
    const at = head.indexOf(Buffer.alloc(8))
    if (at < 0) continue
    const { promise: ended, resolve: end } = Promise.withResolvers<void>()
    const chunks = async function* () {
      try {
        yield head.subarray(at + 8).toString()
        for (;;) {
          const next = await iterator.next()
          if (next.done) return
          yield String(next.value)
        }
      } finally {
        end()
      }
    }
    resolve({ headers: {}, ...JSON.parse(head.subarray(0, at).toString()), chunks: chunks() })
    return ended
  }
}

function failureIn({ trailers }: IncomingMessage): string | undefined {
  const body = trailers['lambda-runtime-function-error-body']
  return body && `${trailers['lambda-runtime-function-error-type']}: ${Buffer.from(body, 'base64')}`
}
