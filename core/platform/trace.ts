/** So many random bytes, as `randomBytes` of node:crypto gives them. */
export type RandomBytes = (size: number) => Buffer

const parent = /^(?<version>[0-9a-f]{2})-(?<trace>[0-9a-f]{32})-(?<span>[0-9a-f]{16})-[0-9a-f]{2}(?<more>-.*)?$/
const amazonRoot = /^1-([0-9a-f]{8})-([0-9a-f]{24})$/

/**
 * The trace that a request belongs to: the one that its `traceparent` names (https://www.w3.org/TR/trace-context/), else
 * that of AWS (`X-Amzn-Trace-Id`, which API Gateway always adds), else a new one. What is not exactly of that form counts
 * for nothing, since the id goes into logs, the database and other calls.
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

/** Later versions may say more than version 00 does, and version ff is none. */
function fromTraceparent(value: string): string | undefined {
  const { version, trace, span, more } = parent.exec(value)?.groups ?? {}
  if (trace === undefined || span === undefined || version === 'ff') return undefined
  if (version === '00' && more !== undefined) return undefined
  return isZero(trace) || isZero(span) ? undefined : trace
}

/** The id of AWS without its dashes is the W3C's, as X-Ray itself takes it. */
function fromAmazon(value: string): string | undefined {
  const root = value.split(';').find((field) => field.startsWith('Root='))
  const [, time, id] = amazonRoot.exec(root?.slice('Root='.length) ?? '') ?? []
  const trace = time && id ? time + id : ''
  return isZero(trace) ? undefined : trace
}

/** An id of zeros only is none. */
function isZero(id: string): boolean {
  return /^0*$/.test(id)
}

function hex(randomBytes: RandomBytes, size: number): string {
  return randomBytes(size).toString('hex')
}
