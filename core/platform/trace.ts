/** Returns a number of random bytes, like `randomBytes` of node:crypto. */
export type RandomBytes = (size: number) => Buffer

const parent = /^(?<version>[0-9a-f]{2})-(?<trace>[0-9a-f]{32})-(?<span>[0-9a-f]{16})-[0-9a-f]{2}(?<more>-.*)?$/
const amazonRoot = /^1-([0-9a-f]{8})-([0-9a-f]{24})$/

/**
 * The trace id of a request: from its `traceparent` (https://www.w3.org/TR/trace-context/), else from that of AWS
 * (`X-Amzn-Trace-Id`, which API Gateway always adds), else a new one. A malformed header is ignored, since the id goes into
 * logs, the database and other calls.
 *
 * @returns 32 hexadecimal digits in lower case
 */
export function traceIdOf(headers: Headers, randomBytes: RandomBytes): string {
  return (
    fromTraceparent(headers.get('traceparent') ?? '') ??
    fromAmazon(headers.get('x-amzn-trace-id') ?? '') ??
    hex(randomBytes, 16)
  )
}

/** The trace header of an outgoing call, with a new span id. Not sampled: spans are not kept. */
export function traceparentOf(traceId: string, randomBytes: RandomBytes): string {
  return `00-${traceId}-${hex(randomBytes, 8)}-00`
}

/** Versions after 00 may have more fields; version ff is invalid. */
function fromTraceparent(value: string): string | undefined {
  const { version, trace, span, more } = parent.exec(value)?.groups ?? {}
  if (trace === undefined || span === undefined || version === 'ff') return undefined
  if (version === '00' && more !== undefined) return undefined
  return isZero(trace) || isZero(span) ? undefined : trace
}

/** AWS's id without its dashes is a W3C trace id, as X-Ray itself converts it. */
function fromAmazon(value: string): string | undefined {
  const root = value.split(';').find((field) => field.startsWith('Root='))
  const [, time, id] = amazonRoot.exec(root?.slice('Root='.length) ?? '') ?? []
  const trace = time && id ? time + id : ''
  return isZero(trace) ? undefined : trace
}

/** An id of zeros is invalid. */
function isZero(id: string): boolean {
  return /^0*$/.test(id)
}

function hex(randomBytes: RandomBytes, size: number): string {
  return randomBytes(size).toString('hex')
}
