import type { HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Calls, Outcome } from './calls.ts'
import type { EmulatedRequest, FaultRule } from './fault-rules.ts'
import type { Faults } from './faults.ts'

/** The response of an emulator. */
export interface Reply {
  readonly status: ContentfulStatusCode
  readonly headers?: Readonly<Record<string, string>>
  readonly body: unknown
}

/** A refusal that any provider may give whatever was asked. */
export type Refusal = Extract<
  FaultRule['kind'],
  'rate_limited' | 'unavailable' | 'unauthorized' | 'insufficient_balance' | 'unknown_model'
>

/** How one provider puts its answers and errors on the wire, for one request. */
export interface Dialect {
  /** @param text what the model wrote; `cut` where it ran into the limit of its length */
  answer(text: string, finish: 'complete' | 'cut'): Reply
  /** An answer that ends well and holds nothing. */
  blank(): Reply
  blocked(at: 'prompt' | 'answer'): Reply
  refuse(kind: Refusal, retryAfterSeconds: number | undefined): Reply
}

/** A request that an emulator has read: either it is refused for what it lacks, or the model's answer can be written. */
export interface Reading {
  readonly request: EmulatedRequest
  readonly dialect: Dialect
  /** The refusal, or the text of the answer and the length it may have, in characters. */
  work(): Promise<{ refusal: Reply } | { text: string; limit: number }>
}

/** What the emulators of one server share. */
export interface Emulation {
  readonly faults: Faults
  readonly calls: Calls
  readonly clock: () => Date
  /** What every call waits, in milliseconds, before its answer. */
  readonly baseLatencyMs: number
}

/**
 * Says that the answer was written by hand. A clone is Node's own Response; the original may be the server's quick one, where a
 * server was made before it, and that would be written to the connection.
 */
const alreadySent = () => RESPONSE_ALREADY_SENT.clone()

/** How often a hanging connection carries another blank line. */
const blankLineMs = 250

/**
 * Runs one call: logs it, lets it wait, applies the faults that are on and answers. A client that goes away ends it.
 *
 * @param reading the request, read by its provider's emulator
 */
export async function exchange(
  context: Context<{ Bindings: HttpBindings }>,
  { faults, calls, baseLatencyMs }: Emulation,
  { request, dialect, work }: Reading,
): Promise<Response> {
  const { outgoing } = context.env
  const call = calls.begin(request)
  const gone = new AbortController()
  let cutHere = false
  outgoing.once('close', () => {
    gone.abort()
    if (!outgoing.writableFinished && !cutHere) call.abort()
  })
  const { latencyMs, fault } = faults.decide(request)
  await sleep(baseLatencyMs + latencyMs, gone.signal)
  if (gone.signal.aborted) {
    call.end('abandoned')
    return alreadySent()
  }

  const done = (reply: Reply, outcome: Outcome) => {
    call.end(outcome)
    const body = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body, null, 2)
    return context.body(body, reply.status, { 'content-type': 'application/json; charset=UTF-8', ...reply.headers })
  }

  switch (fault?.kind) {
    case 'rate_limited':
      return done(dialect.refuse('rate_limited', retryAfter(fault, 7)), 'rate_limited')
    case 'unavailable':
      return done(dialect.refuse('unavailable', retryAfter(fault, null)), 'unavailable')
    case 'unauthorized':
    case 'insufficient_balance':
    case 'unknown_model':
      return done(dialect.refuse(fault.kind, undefined), fault.kind)
    case 'blocked':
      return done(dialect.blocked(fault.blockedAt ?? 'prompt'), 'blocked')
    case 'blank':
      return done(dialect.blank(), 'blank')
    case 'hang': {
      call.end('hang')
      outgoing.writeHead(200, { 'content-type': 'application/json' }).write('\n')
      const timer = setInterval(() => outgoing.write('\n'), blankLineMs)
      outgoing.once('close', () => clearInterval(timer))
      return alreadySent()
    }
  }

  const worked = await work()
  if (gone.signal.aborted) {
    call.end('abandoned')
    return alreadySent()
  }
  if ('refusal' in worked) return done(worked.refusal, 'refused')
  const { text, limit } = worked

  switch (fault?.kind) {
    case 'malformed':
      if (fault.malformedAs === 'body') {
        return done({ status: 200, body: '<html><body>502 Bad Gateway</body></html>' }, 'malformed')
      }
      return done(dialect.answer(malformed(fault), 'complete'), 'malformed')
    case 'truncated':
      return done(dialect.answer(text.slice(0, Math.ceil(text.length / 2)), 'cut'), 'truncated')
    case 'network_cut': {
      call.end('network_cut')
      cutHere = true
      const body = JSON.stringify(dialect.answer(text, 'complete').body)
      outgoing.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
      // Once half of it is on its way, so that the client sees an answer break off and not a connection refused.
      outgoing.write(body.slice(0, Math.ceil(body.length / 2)), () => outgoing.destroy())
      return alreadySent()
    }
  }
  if (text.length > limit) return done(dialect.answer(text.slice(0, limit), 'cut'), 'answered')
  return done(dialect.answer(text, 'complete'), 'answered')
}

function retryAfter({ retryAfterSeconds }: FaultRule, otherwise: number | null): number | undefined {
  return (retryAfterSeconds === undefined ? otherwise : retryAfterSeconds) ?? undefined
}

function malformed({ malformedAs }: FaultRule): string {
  if (malformedAs === 'misfit') return JSON.stringify({ emulatedFault: 'JSON that fits no schema' })
  return 'Certainly! Here is what I would say, in plain words and not in JSON.'
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0) return Promise.resolve()
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', finish)
      resolve()
    }
    const timer = setTimeout(finish, ms)
    signal.addEventListener('abort', finish)
  })
}
