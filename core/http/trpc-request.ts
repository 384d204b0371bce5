import { VisionError } from '../domain/errors.ts'
import { requireJson, textOf } from './body.ts'
import { InvalidInput, unknownField } from './invalid-input.ts'
import { checkJson } from './json.ts'
import { inputFromText, type Operation } from './operations.ts'

export const trpcPath = '/api/trpc'

const jsonType = 'application/json'

/** The procedures that a tRPC URL names, all of them for a batch; unknown names are left out. */
export function operationsAt(operations: readonly Operation[], url: string): readonly Operation[] {
  const { pathname, searchParams } = new URL(url)
  const path = pathname.slice(trpcPath.length + 1)
  const paths = (searchParams.get('batch') === '1' ? decode(path).split(',') : [decode(path)]).slice(0, 1000)
  return paths.flatMap((one) => operations.find((operation) => operation.path === one) ?? [])
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    throw new VisionError('request.not_found')
  }
}

/** The methods that procedures take; both where none is named. */
export function methodsOf([operation]: readonly Operation[]): readonly string[] {
  if (operation === undefined) return ['GET', 'POST']
  return operation.type === 'mutation' ? ['POST'] : ['GET']
}

/**
 * A request as tRPC is to see it: a body is what REST takes for one, and a query that names its input's fields as
 * parameters of their own, as somebody does who types a URL, is one with an `input`.
 *
 * @throws InvalidInput if the URL has parameters that nothing would look at
 */
export function requestForTrpc(request: Request, [operation]: readonly Operation[]): Request {
  const url = new URL(request.url)
  const bare = !url.searchParams.has('input') && !url.searchParams.has('batch')
  if (request.method === 'GET' && bare) return withInput(request, url, operation)
  const known =
    request.method === 'POST' ? ['batch'] : ['batch', 'input', ...(streamParameters[operation?.type ?? ''] ?? [])]
  const unknown = [...new Set(url.searchParams.keys())].filter((name) => !known.includes(name))
  if (unknown.length > 0) throw new InvalidInput(unknown.map((name) => unknownField([name])))
  return request.method === 'POST' ? strictly(request) : request
}

/** The parameters of a subscription's URL beside the input: tRPC's own, and the ticket. */
const streamParameters: Readonly<Record<string, readonly string[]>> = {
  subscription: ['connectionParams', 'lastEventId', 'Last-Event-Id', 'ticket'],
}

function withInput(request: Request, url: URL, operation: Operation | undefined): Request {
  if (operation?.type !== 'query') return request
  const input = inputFromText(operation.fields, url.searchParams)
  url.search = new URLSearchParams({ input: JSON.stringify(input) }).toString()
  return new Request(url, { headers: request.headers, signal: request.signal })
}

/** tRPC would mend bytes that are not UTF-8, and takes fewer spellings of the media type. */
function strictly(request: Request): Request {
  requireJson(request.headers)
  const headers = new Headers(request.headers)
  headers.set('content-type', jsonType)
  const text = async () => {
    const body = textOf(await request.arrayBuffer())
    checkJson(body)
    return body
  }
  // Defined and not assigned: some adapters' requests are read-only.
  return Object.defineProperties(request, { text: { value: text }, headers: { value: headers } })
}

/** tRPC leaves the media type out where it could not take a request apart. */
export function withJsonType(response: Response): Response {
  const type = response.headers.get('content-type')
  if (type === null || type.startsWith('text/plain')) response.headers.set('content-type', jsonType)
  return response
}
