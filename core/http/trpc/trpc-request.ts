import { VisionError } from '../../domain/errors.ts'
import { requireJson, textOf } from '../body.ts'
import { InvalidInput, unknownField } from '../invalid-input.ts'
import { checkJson } from '../json.ts'
import type { Operation } from '../operations.ts'

export const trpcPath = '/api/trpc'

const jsonType = 'application/json'

/** The procedures that a tRPC URL names, several for a batch; unknown names are left out. */
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

/** The methods of procedures; both if none is named. */
export function methodsOf([operation]: readonly Operation[]): readonly string[] {
  if (operation === undefined) return ['GET', 'POST']
  return operation.type === 'mutation' ? ['POST'] : ['GET']
}

/**
 * Normalises a request for tRPC: the body is parsed as for REST, and a query whose parameters are fields of the input, as
 * in a URL typed by hand, becomes one with an `input`.
 *
 * @throws InvalidInput if the URL has parameters that would be ignored
 */
export async function requestForTrpc(request: Request, [operation]: readonly Operation[]): Promise<Request> {
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

async function withInput(request: Request, url: URL, operation: Operation | undefined): Promise<Request> {
  if (operation?.type !== 'query') return request
  const input = await operation.fromText(url.searchParams)
  url.search = new URLSearchParams({ input: JSON.stringify(input) }).toString()
  return new Request(url, { headers: request.headers, signal: request.signal })
}

/** tRPC would replace bytes that are not UTF-8, and accepts fewer spellings of the media type. */
function strictly(request: Request): Request {
  requireJson(request.headers)
  const headers = new Headers(request.headers)
  headers.set('content-type', jsonType)
  const text = async () => {
    const body = textOf(await request.arrayBuffer())
    checkJson(body)
    return body
  }
  // Defined instead of assigned: some adapters' requests are read-only.
  return Object.defineProperties(request, { text: { value: text }, headers: { value: headers } })
}

/** tRPC leaves the media type out where it could not parse a request. */
export function withJsonType(response: Response): Response {
  const type = response.headers.get('content-type')
  if (type === null || type.startsWith('text/plain')) response.headers.set('content-type', jsonType)
  return response
}
