import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json, text } from 'node:stream/consumers'

/** What a function reported in place of an answer, or that it did not answer in time. */
export class InvocationError extends Error {
  override readonly name = 'InvocationError'
}

/** A reply that is streamed, as a function URL would pass it on. */
export interface Streamed {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  /** The text after the prelude, as it arrives. The function waits until it is read. @throws InvocationError */
  readonly chunks: AsyncIterator<string>
}

/** The side of Lambda that the runtime client of one function talks to. */
export interface RuntimeApi {
  /** `127.0.0.1:<port>`, for AWS_LAMBDA_RUNTIME_API. */
  readonly address: string
  /**
   * Hands an event to the function, which gets one at a time.
   *
   * @param timeLimitMs what it has from the moment it is given the event, in milliseconds; then Lambda would end it
   * @returns what it answered: {@link Streamed} where it streams
   * @throws InvocationError
   */
  invoke(event: unknown, timeLimitMs: number): Promise<unknown>
  /** Has every call that is not answered yet fail, and every later one. */
  fail(error: Error): void
  stop(): Promise<void>
}

interface Invocation {
  readonly event: unknown
  readonly timeLimitMs: number
  readonly answer: PromiseWithResolvers<unknown>
}

interface Reported {
  readonly errorType: string
  readonly errorMessage: string
}

const path = '/2018-06-01/runtime'
// A streamed reply of a function URL: JSON, eight zero bytes, the body.
const preludeType = 'application/vnd.awslambda.http-integration-response'
const preludeEnd = '\0'.repeat(8)

/**
 * A small Runtime API on this machine: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html, and
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html for replies that are streamed.
 */
export async function startRuntimeApi(): Promise<RuntimeApi> {
  const waiting: Invocation[] = []
  const running = new Map<string, Invocation>()
  let asking: ServerResponse | undefined
  let count = 0
  let broken: Error | undefined

  const dispatch = () => {
    const invocation = asking && waiting.shift()
    if (!asking || !invocation) return
    const { event, timeLimitMs, answer } = invocation
    const id = `00000000-0000-4000-8000-${String(++count).padStart(12, '0')}`
    running.set(id, invocation)
    const late = setTimeout(() => {
      answer.reject(new InvocationError(`Task timed out after ${timeLimitMs} ms`))
    }, timeLimitMs)
    answer.promise.catch(() => undefined).finally(() => clearTimeout(late))
    asking.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': id,
      'lambda-runtime-deadline-ms': String(Date.now() + timeLimitMs),
      'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:us-east-1:123456789012:function:vision-pipeline',
      'lambda-runtime-trace-id': 'Root=1-5f84c7a1-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=0',
    })
    asking.end(JSON.stringify(event))
    asking = undefined
  }

  const fail = (error: Error) => {
    broken = error
    for (const { answer } of [...waiting.splice(0), ...running.values()]) answer.reject(error)
  }

  const settle = async (request: IncomingMessage, id: string, outcome: string) => {
    const invocation = running.get(id)
    if (!invocation) throw new InvocationError(`There is no invocation ${id}`)
    const { answer } = invocation
    try {
      if (outcome === 'error') throw errorOf((await json(request)) as Reported)
      if (request.headers['lambda-runtime-function-response-mode'] === 'streaming') {
        const ended = new Promise((resolve) => request.once('close', resolve))
        answer.resolve(await receive(request))
        await ended
      } else {
        answer.resolve(JSON.parse((await text(request)) || 'null'))
      }
    } catch (error) {
      answer.reject(error)
    } finally {
      running.delete(id)
    }
  }

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const [, rest] = request.url?.split(path) ?? []
    const [, id, outcome] = /^\/invocation\/([^/]+)\/(response|error)$/.exec(rest ?? '') ?? []
    if (rest === '/invocation/next') {
      asking = response
      dispatch()
      return
    }
    if (rest === '/init/error') fail(errorOf((await json(request)) as Reported))
    else if (id && outcome) await settle(request, id, outcome)
    else throw new InvocationError(`The Runtime API has no ${request.method} ${request.url}`)
    response.writeHead(202, { 'content-type': 'application/json' }).end('{"status":"OK"}')
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: Error) => {
      fail(error)
      response.destroy()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    invoke: (event, timeLimitMs) => {
      const answer = Promise.withResolvers<unknown>()
      if (broken) answer.reject(broken)
      else waiting.push({ event, timeLimitMs, answer })
      dispatch()
      return answer.promise
    },
    fail,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Takes the prelude off a streamed reply. */
async function receive(request: IncomingMessage): Promise<Streamed> {
  const parts: AsyncIterator<string> = request.setEncoding('utf8')[Symbol.asyncIterator]()
  let head = ''
  while (!head.includes(preludeEnd)) {
    const { done, value } = await parts.next()
    if (done) throw errorIn(request.trailers) ?? new InvocationError(`There is no prelude, but: ${head}`)
    head += value
  }
  const type = request.headers['content-type']
  if (type !== preludeType) throw new InvocationError(`A streamed reply came as ${type}`)
  const end = head.indexOf(preludeEnd)
  const chunks = async function* () {
    const first = head.slice(end + preludeEnd.length)
    if (first) yield first
    for (;;) {
      const { done, value } = await parts.next()
      if (!done) {
        yield value
        continue
      }
      const error = errorIn(request.trailers)
      if (error) throw error
      return
    }
  }
  return { headers: {}, ...JSON.parse(head.slice(0, end)), chunks: chunks() }
}

/** What went wrong after the first byte comes in trailers. */
function errorIn(trailers: NodeJS.Dict<string>): InvocationError | undefined {
  const body = trailers['lambda-runtime-function-error-body']
  return body === undefined ? undefined : errorOf(JSON.parse(Buffer.from(String(body), 'base64').toString()))
}

function errorOf({ errorType, errorMessage }: Reported): InvocationError {
  return new InvocationError(`${errorType}: ${errorMessage}`)
}
